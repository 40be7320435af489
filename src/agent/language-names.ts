/** Names of languages, as recognisers, voices and settings write them → BCP 47 tags that `Intl` takes. */

/** The longest beginning of a tag that is well-formed: "en-us-nyc" → "en-us". @returns `otherwise` where there is none. */
export function wellFormedTag(tag: string, otherwise = 'en'): string {
  const parts = tag.replaceAll('_', '-').split('-');
  for (let count = parts.length; count > 0; count--) {
    const beginning = parts.slice(0, count).join('-');
    try {
      Intl.getCanonicalLocales(beginning);
      return beginning;
    } catch {
      // One part less.
    }
  }
  return otherwise;
}

/** What recognisers call a language ("english", "en", "en-US"), by name. */
const byName = new Map<string, string>();

/** @returns undefined for what is no language. */
export function languageTag(named: unknown): string | undefined {
  if (typeof named !== 'string') return undefined;
  const name = named.trim().toLowerCase();
  const tag = /^[a-z]{2,3}([-_][a-z0-9]{2,8})*$/.test(name) ? wellFormedTag(name, '') : '';
  if (tag !== '' && Intl.DisplayNames.supportedLocalesOf([tag]).length > 0) return tag;
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
