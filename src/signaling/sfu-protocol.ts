/**
 * What a viewer and an SFU tell each other to connect, in mediasoup's terms: capabilities, transports, streams. From a client every message
 * passes these schemas, which bound its size and drop what they do not know; the page imports the types only.
 */
import { z } from 'zod';

const text = z.string().max(500);
const feedback = z.array(z.object({ type: text, parameter: text.exactOptional() })).max(20);
const parameters = z.record(text, z.union([text, z.number(), z.boolean(), z.null()]));
const kind = z.enum(['audio', 'video']);
const codec = {
  mimeType: text,
  clockRate: z.number().int().positive(),
  channels: z.number().int().min(1).max(16).exactOptional(),
  parameters: parameters.exactOptional(),
  rtcpFeedback: feedback.exactOptional(),
};
const payloadType = z.number().int().min(0).max(127);
const ssrc = z
  .number()
  .int()
  .min(0)
  .max(2 ** 32 - 1);

const rtpCapabilitiesSchema = z.object({
  codecs: z.array(z.object({ kind, ...codec, preferredPayloadType: payloadType.exactOptional() })).max(100),
  headerExtensions: z
    .array(
      z.object({
        kind,
        uri: text,
        preferredId: z.number().int().min(1).max(255),
        preferredEncrypt: z.boolean().exactOptional(),
        direction: z.enum(['sendrecv', 'sendonly', 'recvonly', 'inactive']).exactOptional(),
      }),
    )
    .max(100)
    .exactOptional(),
});

const rtpParametersSchema = z.object({
  mid: z.string().max(64).exactOptional(),
  codecs: z
    .array(z.object({ ...codec, payloadType }))
    .min(1)
    .max(10),
  headerExtensions: z
    .array(z.object({ uri: text, id: z.number().int().min(1).max(255), encrypt: z.boolean().exactOptional() }))
    .max(50)
    .exactOptional(),
  encodings: z
    .array(
      z.object({
        ssrc: ssrc.exactOptional(),
        rid: z.string().max(64).exactOptional(),
        codecPayloadType: payloadType.exactOptional(),
        rtx: z.object({ ssrc }).exactOptional(),
        dtx: z.boolean().exactOptional(),
      }),
    )
    .min(1)
    .max(4),
  rtcp: z.object({ cname: text.exactOptional(), reducedSize: z.boolean().exactOptional() }).exactOptional(),
});

const dtlsParametersSchema = z.object({
  role: z.enum(['auto', 'client', 'server']).exactOptional(),
  fingerprints: z
    .array(
      z.object({
        algorithm: z.enum(['sha-1', 'sha-224', 'sha-256', 'sha-384', 'sha-512']),
        value: z.string().regex(/^([0-9A-Fa-f]{2}:){19,63}[0-9A-Fa-f]{2}$/, 'not a fingerprint'),
      }),
    )
    .min(1)
    .max(8),
});

/** What the viewer's browser can receive. */
export const sfuReceiveSchema = z.strictObject({ rtpCapabilities: rtpCapabilitiesSchema });
export const sfuConnectSchema = z.strictObject({
  transportId: z.string().max(64),
  dtlsParameters: dtlsParametersSchema,
});
/** The stream of the viewer's microphone. */
export const sfuProduceSchema = z.strictObject({ rtpParameters: rtpParametersSchema });

export type RtpCapabilities = z.infer<typeof rtpCapabilitiesSchema>;
export type RtpParameters = z.infer<typeof rtpParametersSchema>;
export type DtlsParameters = z.infer<typeof dtlsParametersSchema>;
export type SfuConnectMessage = z.infer<typeof sfuConnectSchema>;

export interface SfuIceParameters {
  usernameFragment: string;
  password: string;
  iceLite?: boolean;
}

/** A transport at the SFU, as the viewer's side of it is created. */
export interface SfuTransport {
  id: string;
  iceParameters: SfuIceParameters;
  iceCandidates: {
    foundation: string;
    priority: number;
    ip: string;
    protocol: 'udp' | 'tcp';
    port: number;
    type: 'host';
    tcpType?: 'passive';
  }[];
  dtlsParameters: DtlsParameters;
}

/** With what a viewer begins: the SFU's capabilities and the transport to receive on. */
export interface SfuOffer {
  rtpCapabilities: RtpCapabilities;
  transport: SfuTransport;
}

/** A stream that the viewer is to receive; it flows after `sfuReady`. */
export interface SfuStream {
  id: string;
  producerId: string;
  kind: 'audio' | 'video';
  rtpParameters: RtpParameters;
}

export interface SfuIceRestart {
  transportId: string;
  iceParameters: SfuIceParameters;
}
