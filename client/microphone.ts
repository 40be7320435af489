/** The caller's microphone. Out: its track, or an error whose message tells the caller what to do. */
export async function openMicrophone(): Promise<MediaStreamTrack> {
  if (!navigator.mediaDevices)
    throw new Error('Browsers give the microphone to secure pages only: open this page over https, or on localhost.');
  try {
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    });
    return stream.getAudioTracks()[0]!;
  } catch (error) {
    throw new Error(REASONS[(error as Error).name] ?? `The microphone cannot be opened: ${(error as Error).message}`);
  }
}

const REASONS: Record<string, string> = {
  NotAllowedError: 'The microphone was not allowed. Allow it in the address bar of the browser and try again.',
  NotFoundError: 'No microphone was found. Plug one in and try again; typed text is spoken without one.',
  NotReadableError: 'The microphone is in use by another program. Close that and try again.',
};
