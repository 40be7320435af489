/** Reads a film back the way a player does: every picture and every sample at the time at which it is to be shown. */
import {
  AVMEDIA_TYPE_AUDIO,
  AVMEDIA_TYPE_VIDEO,
  Codec,
  CodecContext,
  check,
  FormatContext,
  Frame,
  Packet,
} from '../../src/media/ffmpeg.ts';

export interface DecodedFilm {
  videoCodec: string;
  audioCodec: string | null;
  widthPx: number;
  heightPx: number;
  pictures: { timeS: number; meanLuma: number }[];
  /** First channel. */
  sound: Float32Array;
  sampleRateHz: number;
  channels: number;
  /** When the first of the samples is to be heard. */
  soundStartS: number;
}

export async function decodeFilm(path: string): Promise<DecodedFilm> {
  const format = new FormatContext();
  check(await format.openInput(path), 'open');
  check(await format.findStreamInfo(), 'stream info');
  const videoIndex = format.findBestStream(AVMEDIA_TYPE_VIDEO);
  const audioIndex = format.findBestStream(AVMEDIA_TYPE_AUDIO);
  const decoders = new Map(
    [videoIndex, audioIndex]
      .filter((index) => index >= 0)
      .map((index) => {
        const stream = format.streams[index];
        const codec = Codec.findDecoder(stream.codecpar.codecId) as Codec;
        const context = new CodecContext();
        context.allocContext3(codec);
        check(context.parametersToContext(stream.codecpar), 'parameters');
        context.pktTimebase = stream.timeBase;
        check(context.open2Sync(codec), 'decoder');
        return [index, { context, name: codec.name ?? '', timeBase: stream.timeBase.toDouble() }] as const;
      }),
  );
  const film: DecodedFilm = {
    videoCodec: decoders.get(videoIndex)?.name ?? '',
    audioCodec: decoders.get(audioIndex)?.name ?? null,
    widthPx: 0,
    heightPx: 0,
    pictures: [],
    sound: new Float32Array(0),
    sampleRateHz: 0,
    channels: 0,
    soundStartS: Number.NaN,
  };
  const sound: number[] = [];
  const packet = new Packet();
  const frame = new Frame();
  packet.alloc();
  frame.alloc();
  const drain = (index: number) => {
    const decoder = decoders.get(index);
    while (decoder !== undefined && decoder.context.receiveFrameSync(frame) >= 0) {
      const timeS = Number(frame.bestEffortTimestamp) * decoder.timeBase;
      const planes = frame.data as Buffer[];
      if (index === videoIndex) {
        film.widthPx = frame.width;
        film.heightPx = frame.height;
        film.pictures.push({ timeS, meanLuma: planes[0].reduce((sum, luma) => sum + luma, 0) / planes[0].length });
      } else {
        if (sound.length === 0) film.soundStartS = timeS;
        film.sampleRateHz = frame.sampleRate;
        film.channels = frame.channelLayout.nbChannels;
        const plane = new Float32Array(planes[0].buffer, planes[0].byteOffset, frame.nbSamples);
        sound.push(...plane);
      }
      frame.unref();
    }
  };
  while ((await format.readFrame(packet)) >= 0) {
    const index = packet.streamIndex;
    decoders.get(index)?.context.sendPacketSync(packet);
    packet.unref();
    drain(index);
  }
  for (const [index, { context }] of decoders) {
    context.sendPacketSync(null);
    drain(index);
    context.freeContext();
  }
  await format.closeInput();
  film.sound = Float32Array.from(sound);
  return film;
}
