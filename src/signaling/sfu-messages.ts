/** The messages with which a viewer and an SFU connect: each goes to the viewer's own door. */
import { emptySchema, type OnMessage } from './answering.ts';
import type { SfuPeer } from './room-media.ts';
import { sfuConnectSchema, sfuProduceSchema, sfuReceiveSchema } from './sfu-protocol.ts';

/** @param peer the sender's door. @throws AppError when there is none, or a right is missing. @param restarted told of each new network path. */
export function answerSfuMessages(
  on: OnMessage,
  peer: (needsSpeaker?: boolean) => SfuPeer,
  restarted: () => void,
): void {
  on('sfuReceive', sfuReceiveSchema, async ({ rtpCapabilities }) => ({
    streams: await peer().receive(rtpCapabilities),
  }));
  on('sfuConnect', sfuConnectSchema, async ({ transportId, dtlsParameters }) => {
    await peer().connect(transportId, dtlsParameters);
    return {};
  });
  on('sfuReady', emptySchema, async () => {
    await peer().ready();
    return {};
  });
  on('sfuMicrophone', emptySchema, async () => {
    return await peer(true).openMicrophone();
  });
  on('sfuProduce', sfuProduceSchema, async ({ rtpParameters }) => {
    return { id: await peer(true).produce(rtpParameters) };
  });
  on('sfuRestart', emptySchema, async () => {
    const transports = await peer().restartIce();
    restarted();
    return { transports };
  });
}
