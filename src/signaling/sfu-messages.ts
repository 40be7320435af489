/** The messages with which a viewer and an SFU connect: each goes to the viewer's own door. */
import { emptySchema, type OnMessage } from './answering.ts';
import type { IceServer } from './ice-servers.ts';
import type { SfuPeer } from './room-media.ts';
import { sfuConnectSchema, sfuProduceSchema, sfuReceiveSchema } from './sfu-protocol.ts';

/**
 * @param peer the sender's door. @throws AppError when there is none, or a right is missing.
 * @param restarting ICE is to be restarted. @returns the servers of the sender's call, with passwords that are good from now on. @throws AppError
 * when it restarts too often.
 */
export function answerSfuMessages(
  on: OnMessage,
  peer: (needsSpeaker?: boolean) => SfuPeer,
  restarting: () => IceServer[],
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
    const door = peer();
    const iceServers = restarting();
    return { transports: await door.restartIce(), iceServers };
  });
}
