/** Microphones and loudspeakers to choose from. Browsers name them only after the microphone was allowed once. */
export interface AudioDevice {
  id: string;
  name: string;
}

export interface AudioDevices {
  microphones: AudioDevice[];
  /** Empty where the browser plays on the system's loudspeaker only. */
  speakers: AudioDevice[];
}

export const canChooseSpeaker = 'setSinkId' in HTMLMediaElement.prototype;

export async function listAudioDevices(): Promise<AudioDevices> {
  const devices = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
  const named = (kind: MediaDeviceKind, what: string): AudioDevice[] =>
    devices
      .filter((device) => device.kind === kind && device.deviceId !== '' && device.deviceId !== 'default')
      .map(({ deviceId, label }, i) => ({ id: deviceId, name: label || `${what} ${i + 1}` }));
  return {
    microphones: named('audioinput', 'Microphone'),
    speakers: canChooseSpeaker ? named('audiooutput', 'Loudspeaker') : [],
  };
}

/** @returns a function that stops watching. */
export function watchAudioDevices(onChange: () => void): () => void {
  navigator.mediaDevices?.addEventListener('devicechange', onChange);
  return () => navigator.mediaDevices?.removeEventListener('devicechange', onChange);
}
