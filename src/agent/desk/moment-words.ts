/** What people say for days and times, by language, as patterns over folded words (`wording.ts`) with digits. Data for `moments.ts`. */
export interface MomentWords {
  now: RegExp;
  /** Days from today by what is said; longer phrases first. */
  relative: readonly (readonly [RegExp, number])[];
  weekend: RegExp;
  next: RegExp;
  /** Small words that are left over where a day or time was. */
  around: RegExp;
  morning: RegExp;
  evening: RegExp;
  noon: RegExp;
  midnight: RegExp;
  /** Groups h, m, and `half`, `quarter`, `to` (a quarter to) or `before` (German half). */
  clock: readonly RegExp[];
}

export const MOMENT_WORDS: Readonly<Record<string, MomentWords>> = {
  en: {
    now: /\b(right now|now|at the moment|currently|at present)\b/,
    relative: [
      [/\b(the )?day before yesterday\b/, -2],
      [/\byesterday\b/, -1],
      [/\b(the )?day after tomorrow\b/, 2],
      [/\btomorrow\b/, 1],
      [/\b(today|tonight|this (morning|afternoon|evening))\b/, 0],
    ],
    weekend: /\b(on |at )?(the |this )?weekends?\b/,
    next: /\b(next|coming)\b/,
    around: /\b(on|at|the|for|this|next|coming|by|around|about|of|until|till|past|from)\b/g,
    morning: /\b(a\.? ?m\b\.?|in the morning|this morning|tomorrow morning|morning)/,
    evening: /\b(p\.? ?m\b\.?|in the (afternoon|evening)|at night|this (afternoon|evening)|tonight|evening|afternoon)/,
    noon: /\b(noon|midday)\b/,
    midnight: /\bmidnight\b/,
    clock: [
      /\b(?<half>half) past (?<h>\d{1,2})\b/,
      /\b(?<quarter>quarter) past (?<h>\d{1,2})\b/,
      /\b(?<to>quarter) to (?<h>\d{1,2})\b/,
      /\b(?<h>\d{1,2})[:.](?<m>\d{2})\b/,
      /\b(?<h>\d{1,2})(?: (?<m>\d{2}))? ?(?:o'clock|oclock|(?=[ap]\.? ?m\b))/,
      /\b(?:at|by|around|about|until|till|before|after) (?<h>\d{1,2})(?: (?<m>[0-5]\d))?\b(?! ?(?:of|euro|people|persons|adults|children|minutes|\d))/,
      /\b(?<h>\d{1,2})(?= in the (?:morning|afternoon|evening))/,
    ],
  },
  de: {
    now: /\b(jetzt|gerade|momentan|im moment|derzeit|aktuell)\b/,
    relative: [
      [/\bvorgestern\b/, -2],
      [/\bgestern\b/, -1],
      [/\bubermorgen\b/, 2],
      [/(?<!\b(?:guten|am|jeden) )\bmorgen\b/, 1],
      [/\bheute( (abend|morgen|nachmittag|vormittag|nacht|fruh|mittag))?\b/, 0],
    ],
    weekend: /\b(am |dieses )?wochenenden?\b/,
    next: /\b(nachste[nrs]?|kommende[nrs]?)\b/,
    around: /\b(am|um|den|der|dem|fur|im|nachste[nrs]?|kommende[nrs]?|gegen|bis|ab|von|uhr|diese[nrsm]?)\b/g,
    morning: /\b(morgens|vormittags?|fruh|am morgen|heute morgen)\b/,
    evening: /\b(abends?|nachmittags?|nachts?)\b/,
    noon: /\b(mittags?)\b/,
    midnight: /\bmitternacht\b/,
    clock: [
      /\b(?<before>halb) (?<h>\d{1,2})\b/,
      /\b(?<quarter>viertel) nach (?<h>\d{1,2})\b/,
      /\b(?:(?<to>viertel) vor|(?<to3>dreiviertel)) (?<h>\d{1,2})\b/,
      /\b(?<h>\d{1,2})(?:[:.](?<m>\d{2}))? ?uhr(?: (?<m2>\d{1,2}))?\b/,
      /\b(?<h>\d{1,2}):(?<m>\d{2})\b/,
      /\b(?:um|gegen|ab|bis|vor|nach) (?<h>\d{1,2})\b(?![.\d]| ?(?:euro|personen|leute|kinder|erwachsene|minuten|tage))/,
    ],
  },
  it: {
    now: /\b(adesso|(?<!che |un'|mezz'|quale )ora(?! di)|in questo momento|al momento)\b/,
    relative: [
      [/\b(l'altro ieri|ieri l'altro)\b/, -2],
      [/\bieri\b/, -1],
      [/\bdopodomani\b/, 2],
      [/\bdomani\b/, 1],
      [/\b(oggi|stasera|stamattina|stamani|stanotte|questo pomeriggio|questa (sera|mattina))\b/, 0],
    ],
    weekend: /\b(nel |il |questo )?(fine settimana|week ?-?end)\b/,
    next: /\b(prossim[oa])\b/,
    around: /\b(il|la|lo|di|del|alle|alla|all|per|prossim[oa]|questo|questa|verso|fino|le|ore|dopo|prima)\b/g,
    morning: /\b(di mattina|del mattino|mattina|stamattina)\b/,
    evening: /\b(di sera|della sera|sera|stasera|pomeriggio|di notte)\b/,
    noon: /\bmezzogiorno\b/,
    midnight: /\bmezzanotte\b/,
    clock: [
      /\b(?:alle|all'|per le|verso le|dopo le|prima delle|fino alle|dalle|ore) ?(?<h>\d{1,2})(?:[:.](?<m>\d{2})| e (?:(?<half>mezz[oa])|(?<quarter>un quarto|1 quarto)|(?<m2>\d{1,2}))| meno (?<to>un quarto|1 quarto))?\b/,
      /\b(?<h>\d{1,2})[:.](?<m>\d{2})\b/,
    ],
  },
  es: {
    now: /\b(ahora( mismo)?|en este momento)\b/,
    relative: [
      [/\b(anteayer|antes de ayer)\b/, -2],
      [/\bayer\b/, -1],
      [/\bpasado manana\b/, 2],
      [/(?<!\b(?:la|esta|de|por) )\bmanana\b/, 1],
      [/\b(hoy|esta (noche|tarde|manana))\b/, 0],
    ],
    weekend: /\b(el |este )?fin(es)? de semana\b/,
    next: /\b(proxim[oa]|que viene)\b/,
    around: /\b(el|la|las|los|de|del|a|para|proxim[oa]|que viene|este|hasta|sobre|hacia|por|dia)\b/g,
    morning: /\b((de|por) la manana|esta manana)\b/,
    evening: /\b((de|por) la (tarde|noche)|esta (tarde|noche))\b/,
    noon: /\bmediodia\b/,
    midnight: /\bmedianoche\b/,
    clock: [
      /\b(?:a|hacia|sobre|de|desde|hasta|para) las? (?<h>\d{1,2})(?:[:.](?<m>\d{2})| y (?:(?<half>media)|(?<quarter>cuarto)|(?<m2>\d{1,2}))| menos (?<to>cuarto))?\b/,
      /\b(?<h>\d{1,2}):(?<m>\d{2})\b/,
      /\b(?<h>\d{1,2})(?:[:.](?<m>\d{2}))? ?(?:h|horas)\b/,
    ],
  },
  fr: {
    now: /\b(maintenant|en ce moment|actuellement|tout de suite)\b/,
    relative: [
      [/\bavant[- ]hier\b/, -2],
      [/\bhier\b/, -1],
      [/\bapres[- ]demain\b/, 2],
      [/\bdemain\b/, 1],
      [/\b(aujourd'? ?hui|ce (soir|matin)|cet apres[- ]midi|cette nuit)\b/, 0],
    ],
    weekend: /\b(le |ce |en )?(week ?-?end|fin de semaine)s?\b/,
    next: /\b(prochaine?)\b/,
    around: /\b(le|la|les|du|de|a|pour|prochaine?|ce|cette|vers|avant|apres|jusqu'a)\b/g,
    morning: /\b(du matin|ce matin|matin)\b/,
    evening: /\b(du soir|ce soir|soir|de l'apres[- ]midi|cet apres[- ]midi)\b/,
    noon: /(?<!apres[- ])\bmidi\b/,
    midnight: /\bminuit\b/,
    clock: [
      /\b(?<h>\d{1,2}) ?(?:h|heures?)\b(?: ?(?<m>\d{2})| et (?:(?<half>demie?)|(?<quarter>quart))| moins (?:le )?(?<to>quart))?/,
      /\b(?<h>\d{1,2})h(?<m>\d{2})\b/,
      /\b(?<h>\d{1,2}):(?<m>\d{2})\b/,
    ],
  },
};

/** "One o'clock" where one is an article too. */
export const ONE_O_CLOCK: Readonly<Record<string, readonly [RegExp, string]>> = {
  de: [/\bein uhr\b/g, '1 uhr'],
  it: [/\ball'una\b/g, 'alle 1'],
  es: [/\b(a|hasta|sobre|hacia) la una\b/g, '$1 las 1'],
  fr: [/\bune heure\b/g, '1 heure'],
};
