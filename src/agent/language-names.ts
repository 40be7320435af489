/** What recognisers call a language ("english", "en", "en-US") → a BCP 47 tag, or undefined for what is none. */
const byName = new Map<string, string>();

export function languageTag(named: unknown): string | undefined {
  if (typeof named !== 'string') return undefined;
  const name = named.trim().toLowerCase();
  if (
    /^[a-z]{2,3}([-_][a-z0-9]{2,8})*$/.test(name) &&
    Intl.DisplayNames.supportedLocalesOf([name.replaceAll('_', '-')]).length > 0
  )
    return name.replaceAll('_', '-');
  if (byName.size === 0) fill();
  return byName.get(name);
}

function fill(): void {
  const names = new Intl.DisplayNames(['en'], { type: 'language', fallback: 'none' });
  const letters = [...'abcdefghijklmnopqrstuvwxyz'];
  for (const a of letters)
    for (const b of letters) {
      const name = names.of(a + b);
      // Old codes (iw, in) share their name with the new ones and come later or earlier: the canonical one wins.
      if (name && Intl.getCanonicalLocales(a + b)[0] === a + b) byName.set(name.toLowerCase(), a + b);
    }
}
