/** SSML as callers and programs send it to be spoken. */
import { isSsml, parseSsml } from '../../../src/agent/ssml.ts';
import { type FuzzTarget, holds, textOf } from '../target.ts';

export const target: FuzzTarget = {
  name: 'ssml',
  covers: ['src/agent/ssml.ts', 'fast-xml-parser'],
  seeds: () => [
    '<speak>Hello.</speak>',
    '<?xml version="1.0"?><speak version="1.1" xml:lang="en"><p><s>One.</s><s>Two.</s></p></speak>',
    '<speak>a<break time="500ms"/>b<break strength="x-strong"/><break time="1.5s"/></speak>',
    '<speak><prosody rate="150%" pitch="+20%" volume="x-soft">fast <prosody rate="slow">slow</prosody></prosody></speak>',
    '<speak><lang xml:lang="de-DE">Guten Tag</lang><voice name="en-us">hi</voice><sub alias="World Wide Web">WWW</sub></speak>',
    '<speak><say-as interpret-as="characters">abc</say-as><say-as interpret-as="date" format="dmy">1.2.2025</say-as></speak>',
    '<speak><say-as interpret-as="telephone">+44 20 7946 0000</say-as><![CDATA[ <b> ]]> &amp; &#x41; &lt;</speak>',
    '<speak><!-- note --><unknown><mark name="a"/>kept</unknown></speak>',
    '<speak><speak>twice</speak></speak>',
    '<speak>&lol;</speak>',
    '<speak>cut off',
  ],
  words: [
    '<speak>',
    '</speak>',
    '<break time="',
    '<prosody ',
    'rate="',
    'pitch="',
    'volume="',
    '<lang xml:lang="',
    '<voice name="',
    '<sub alias="',
    '<say-as interpret-as="',
    'characters',
    'cardinal',
    'ordinal',
    'telephone',
    'date',
    '"/>',
    '">',
    '&amp;',
    '&#0;',
    '&#x10ffff;',
    '<![CDATA[',
    ']]>',
    '<!--',
    '-->',
    '<!DOCTYPE',
    '<?xml',
    '99999999s',
    '-5%',
    'x-slow',
  ],
  run(input) {
    const text = textOf(input);
    if (!isSsml(text)) return;
    for (const run of parseSsml(text)) {
      if (run.kind === 'pause') {
        holds(run.durationMs >= 0 && run.durationMs <= 60_000, `a pause of ${run.durationMs} ms`);
        continue;
      }
      holds(typeof run.text === 'string', 'a run has text');
      for (const value of [run.options.ratePercent, run.options.pitchPercent, run.options.volumePercent])
        holds(value === undefined || (Number.isFinite(value) && value >= 0), `a percentage of ${value}`);
    }
  },
};
