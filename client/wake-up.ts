/**
 * When the browser says that things may be better than they were: in a network again, in another one, back on the screen, back from sleep. In: what
 * to do then. Out: how to stop. Does nothing outside a browser.
 */
export function onWakeUp(wake: () => void): () => void {
  const page = globalThis.document as Document | undefined;
  const network = (globalThis.navigator as { connection?: EventTarget } | undefined)?.connection;
  const sources: [EventTarget | undefined, string][] = [
    [page?.defaultView ?? undefined, 'online'],
    [page?.defaultView ?? undefined, 'pageshow'],
    [page, 'resume'],
    [page, 'visibilitychange'],
    [network, 'change'],
  ];
  const listener = (): void => {
    if (page?.visibilityState !== 'hidden') wake();
  };
  for (const [source, name] of sources) source?.addEventListener(name, listener);
  return () => {
    for (const [source, name] of sources) source?.removeEventListener(name, listener);
  };
}
