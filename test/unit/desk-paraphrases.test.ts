// The same wishes in other words: what callers really say to the shipped desk, and where a topic must not be guessed.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Utterance } from '../../src/agent/brain.ts';
import { EmbeddedBrain } from '../../src/agent/embedded-brain.ts';

/** Tuesday, 11:00 in the museum. */
const TUESDAY = new Date('2026-11-24T10:00:00Z');
/** Nobody is there to be called, so nobody is handed over to. */
const SENT_TO_DESK = /please ask the team|wenden Sie sich|si rivolga|diríjase|adressez-vous/;
let folder = '';
let brain: EmbeddedBrain;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'visavis-desk-'));
  brain = new EmbeddedBrain(
    { knowledgeDir: '', name: 'Vera', language: 'en', timeZone: '', recordsDir: folder },
    { now: () => TUESDAY },
  );
});
afterAll(async () => {
  await brain[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function converse(
  turns: readonly (readonly [said: string, expected?: RegExp, not?: RegExp])[],
  desk = brain,
): Promise<void> {
  const dialogue = desk.open();
  const history: Utterance[] = [];
  for (const [text, expected, not] of turns) {
    history.push({ role: 'user', text });
    let answer = '';
    for await (const piece of dialogue.answer({ history, signal: new AbortController().signal })) answer += piece;
    if (expected) expect(answer, `after "${text}"`).toMatch(expected);
    if (not) expect(answer, `after "${text}"`).not.toMatch(not);
    history.push({ role: 'assistant', text: answer });
  }
}

describe('a person is called for, and goodbye is said', () => {
  it.each([
    'I am really angry, let me talk to a human please',
    'I want to speak to the manager',
    'this is useless, can I talk to someone?',
    'Guten Tag, das hilft mir nicht, ich möchte mit einem Menschen sprechen',
    'Buongiorno, non ho capito niente, vorrei parlare con una persona vera',
    'Hola, esto no sirve, quiero hablar con una persona real',
    "Bonjour, je ne comprends rien, je veux parler à quelqu'un",
  ])('%s', async (text) => {
    await converse([[text, SENT_TO_DESK, /\[hand off\]/]]);
  });

  it.each([
    'ok thanks, goodbye',
    'it was nice talking to you, bye',
    'thank you very much, goodbye!',
    'Thank you very much, good-by.',
    'good bye',
    'Das war sehr hilfreich, vielen Dank, auf Wiedersehen',
    'Lei è stata molto gentile, arrivederci',
    'Ha sido muy amable, muchas gracias, adiós',
    'Vous avez été très gentille, merci, au revoir',
  ])('%s', async (text) => {
    await converse([[text, /\[goodbye\]/]]);
  });

  it('also in the middle of a form', async () => {
    await converse([['book a tour'], ['I am really angry, let me talk to a human please', SENT_TO_DESK]]);
    await converse([['book a tour'], ['ok thanks, goodbye', /\[goodbye\]/]]);
  });

  it('but not where they are only spoken of', async () => {
    await converse([
      ['did a colleague find my umbrella?', /./, SENT_TO_DESK],
      ['how do I say goodbye in Italian?', /./, /\[goodbye\]/],
    ]);
  });
});

describe('small talk after a greeting, and in the middle of a form', () => {
  it.each([
    ['Guten Tag! Wie geht es Ihnen?', /danke/i],
    ['Good evening, what is your name?', /I am Vera/],
    ['Buongiorno, come si chiama?', /Sono Vera/],
    ['Come si chiama?', /Sono Vera/],
    ['Buenos días, ¿cómo se llama?', /Soy Vera/],
    ['Bonjour, comment vous appelez-vous ?', /Je suis Vera/],
    ['how are you today?', /thank you/],
    ['how old are you', /not a person/],
    ['my name is Peter', /Nice to meet you, Peter/],
  ])('%s', async (text, expected) => {
    await converse([[text, expected]]);
  });

  it('a form goes on after it', async () => {
    await converse([
      ['book a tour', /For how many people/],
      ['how are you?', /thank you.*For how many people/],
      ['how old are you', /not a person.*For how many people/],
    ]);
  });
});

describe('a booking', () => {
  it.each([
    ["I'd like to book a guided tour for Friday at 3 pm", 'two', 'Smith', 'a@b.org', /2 people, on Friday.* at 3 pm/],
    ['book a tour for 3 at 3pm on friday', 'Smith', 'a@b.org', 'hm', /3 people, on Friday.* at 3 pm/],
    ['book a tour', 'for one on Friday', '3pm', 'Smith', 'a@b.org', /one person, on Friday.* at 3 pm/],
    ['Ich möchte eine Führung für zwei am Freitag um 15 Uhr buchen', 'Müller', 'a@b.org', /2 Personen, .* um 15 Uhr/],
    ['vorrei prenotare una visita guidata per tre venerdì alle 15', 'Rossi', 'a@b.org', /3 persone, .* alle 15/],
    ['quiero reservar una visita para tres el viernes a las 15', 'López', 'a@b.org', /3 personas, .* a las 15/],
    ['je voudrais réserver une visite pour deux vendredi à 15 h', 'Dupont', 'a@b.org', /2 personnes, .* à 15 h/],
  ])('%s', async (...turns) => {
    const lines = turns.filter((turn) => typeof turn === 'string');
    const expected = turns.find((turn) => turn instanceof RegExp)!;
    await converse(lines.map((line, i) => (i === lines.length - 1 ? ([line, expected] as const) : ([line] as const))));
  });

  it('takes what was not asked for, and goes on asking', async () => {
    await converse([
      ['book a tour', /how many/],
      ['at 3 pm', /All right: 3 pm\. For how many/],
      ['two', /which day/],
      ['are you open on Sunday?', /On Sunday the museum.*which day/],
      ['my name is John Smith', /All right: John Smith\. On which day/],
      ['my email is js@example.org', /All right: js@example\.org\. On which day/],
      ['tomorrow', /2 people, on Wednesday, 25 November at 3 pm, for John Smith; .*js@example\.org/],
    ]);
  });

  it('says what was changed, and what was given', async () => {
    await converse([
      ["I'd like to book a guided tour for Friday at 3 pm", /how many/],
      ['two', /What name/],
      ['what was the date again?', /^On Friday, 27 November\. What name/],
      ['make that five people, and Saturday instead', /5 people, on Saturday, 28 November\. What name/],
      ['at 11 am', /All right: 11 am\. What name/],
      ['three people', /All right: 3 people\. What name/],
      ['what was the time again', /^11 am\. What name/],
    ]);
  });
});

describe('a correction', () => {
  it('may answer what was asked, too', async () => {
    await converse([
      ["I'd like to book a guided tour for Friday at 3 pm", /how many/],
      ['make that five people, and Saturday instead', /on Saturday, 28 November\. What name/],
      ['Anna Berg', /phone number or an e-mail/, /how many/],
    ]);
  });
});

describe('the right topic, or none', () => {
  it.each([
    ['When are you open on Thursday?', /open from 10 am to 9 pm/],
    ['Wann haben Sie am Donnerstag geöffnet?', /von 10 Uhr bis 21 Uhr/],
    ['do you have a coffee shop', /café is on the ground floor/],
    ['how much is it for children?', /8 euros for adults.*Children under 14/],
    ['Was kostet der Eintritt für Kinder?', /8 Euro.*Kinder unter 14/],
    ['Quanto costa il biglietto per i bambini?', /8 euro.*sotto i 14/],
    ['¿Cuánto cuesta la entrada para niños?', /8 euros.*menores de 14/],
    ["Combien coûte l'entrée pour les enfants ?", /8 euros.*moins de 14/],
    ['can you speak German?', /I speak German, English/],
    ['Sprechen Sie Englisch?', /Ich spreche Deutsch, Englisch/],
  ])('%s', async (text, expected) => {
    await converse([[text, expected]]);
  });

  it.each(['who is the president of France', 'who painted the Mona Lisa', 'how tall is the Eiffel Tower'])(
    '%s: does not know, and names what is asked for most',
    async (text) => {
      await converse([
        [text, /\[look away\].*opening hours, tickets and prices, guided tours, and the café/],
        ['What did you just say?', /opening hours, tickets and prices/],
      ]);
    },
  );

  it('promises nobody who is not there', async () => {
    await converse([
      ['I want to speak to the manager', /cannot call anybody from here/, /\[hand off\]/],
      ['I need a doctor', /Dial 1 1 2/, /calling|\[hand off\]/],
      ['Where are the toilets?', /downstairs/],
    ]);
  });

  it('says what the place says where somebody can be called', async () => {
    const own = await mkdtemp(join(tmpdir(), 'visavis-desk-'));
    await mkdir(join(own, 'en'));
    await writeFile(join(own, 'en', 'a.md'), '# Tea\n\nThere is tea.\n');
    await writeFile(join(own, 'place.yaml'), 'name: Tea house\nhandOff: { en: "Anna comes at once. [hand off]" }\n');
    await using house = new EmbeddedBrain(
      { knowledgeDir: own, name: '', language: 'en', timeZone: 'UTC', recordsDir: folder },
      { now: () => TUESDAY },
    );
    await converse([['talk to a human', /^Anna comes at once\. \[hand off\]$/]], house);
    // Who can be called is offered.
    await converse(
      [
        ['who is the president of France', /tea/i],
        ['how tall is the Eiffel Tower', /rather speak to someone/],
        ['yes please', /^Anna comes at once/],
        ['you are useless', /rather speak to someone/],
      ],
      house,
    );
    await rm(own, { recursive: true, force: true });
  });
});

describe('the house itself is asked about', () => {
  it.each([
    ['How can I get to the museum?', /Piazza del Lago/],
    ['where is the museum', /Piazza del Lago/],
    ['where is the museum shop', /by the exit/],
    ['what is in the museum', /three exhibitions/],
    ['Wie komme ich zum Museum?', /Piazza del Lago/],
    ['Was gibt es im Museum?', /drei Ausstellungen/],
    ['¿Cómo puedo llegar al museo?', /Piazza del Lago/],
    ['¿Qué hay en el museo?', /tres exposiciones/],
    ['Comment aller au musée ?', /Piazza del Lago/],
    ["Qu'y a-t-il au musée ?", /trois expositions/],
    ['Come arrivo al museo?', /Piazza del Lago/],
    ["Cosa c'è nel museo?", /tre mostre/],
  ])('%s', async (text, expected) => {
    await converse([[text, expected]]);
  });
});

describe('what was wished is taken back', () => {
  it.each(["Sorry, I don't want that anymore", 'I do not want that any more'])('%s', async (text) => {
    await converse([[text, /^All right/]]);
    await converse([['I would like to book a tour'], [text, /cancelled/]]);
  });
});

describe('what a topic merely has a word in common with is not it', () => {
  const UNKNOWN =
    /not know that|cannot answer|weiß ich leider nicht|muss ich passen|no lo sé|no sé responder|ne (le )?sais|non (lo )?so/;
  it.each<[string, RegExp, RegExp?]>([
    ['where do I find it', UNKNOWN],
    ['where can I find a bin', UNKNOWN],
    ['is the museum haunted', UNKNOWN],
    ['my glasses are broken', UNKNOWN],
    ['when does the last train leave', /ten minutes on foot|not know|cannot/, /half a year|hour and a half/],
    ['is smoking allowed', /smoke/, /pictures/],
    ['I lost my keys', /What did you lose/],
    ["J'ai perdu mes clés", /gardé ici/, /enfant/],
    ['Ho perso le chiavi', /teniamo qui/, /bambino/],
    ['Wo finde ich das?', UNKNOWN],
    ['Was gibt es denn bei Ihnen zu sehen?', /drei Ausstellungen/],
    ['Bis wann läuft die Brückenausstellung?', /Ende März/],
    ["Jusqu'à quand dure l'exposition sur les ponts ?", /mars/],
    ['A che piano è la biblioteca?', /terzo piano/],
    ["what's on at the moment", /three exhibitions/],
    ['how long can I keep the books', /four weeks/],
  ])('%s', async (text, expected, not) => {
    await converse([not ? [text, expected, not] : [text, expected]]);
  });
});

describe('said in other words, with slips, or between other things', () => {
  it.each([
    ['giuded tours', /at 11 am and at 3 pm/],
    ['Hey Vera', /What can I do|How can I help/],
    ['Vera, where are the toilets?', /downstairs/],
    ["we've got about an hour, what's the best thing to do?", /three exhibitions|hour and a half/],
    ["I booked a tour for tomorrow but I can't come", /cancel or change/],
    ['what are your hours on Sunday', /On Sunday the museum/],
    ["we'd love to do a giuded tour", /at 11 am and at 3 pm/],
    ['can I still get in at 5?', /5 pm the museum is open/],
    ["I'm here with my grandmother, she can't walk well. Is that a problem?", /by lift/],
    ['Sorry, Pam, on how much does it cost to get him?', /8 euros/],
    ['can I bring a pram', /by lift/],
    ['is one hour enough', /hour and a half/],
    ['can I pay by phone', /by card/],
    ["I'm deaf, is there something for me", /sign language/],
    ['what is your name again', /I am Vera/],
    ['who made you', /not a person/],
    ['are you recording me?', /only while we speak/],
    ['tell me another joke', /paintings/],
    ['whats the most famous thing here', /Girl with a Lamp/],
    ["I don't feel well", /1 1 2/],
    ["you're not very helpful", /no help/],
    ['I have an order number, 4711, where is my order?', /looks them up/],
    ['Wann machen Sie heute zu?', /18 Uhr/],
    ['Wie heißen Sie nochmal?', /Ich bin Vera/],
  ])('%s', async (text, expected) => {
    await converse([[text, expected]]);
  });
});

describe('not knowing', () => {
  it('names what it does know once, offers a person, and is brief from then on', async () => {
    const LISTED = /opening hours, tickets and prices/;
    await converse([
      ['who is the president of France', LISTED],
      ['how tall is the Eiffel Tower', /team here at the desk/, LISTED],
      ['who won the world cup', /not know|beyond me/, LISTED],
      ['where are the toilets', /downstairs/],
      ['how tall is the Eiffel Tower', /not know|beyond me/, LISTED],
    ]);
  });
});

describe('a form goes on from what was offered', () => {
  it('by a pronoun', async () => {
    await converse([
      ['are there guided tours', /Shall I put you down/],
      ['does it cost extra', /4 euros on top/],
      ['can you book it for me', /For how many people/],
    ]);
  });

  it('by the description that was asked for', async () => {
    await converse([
      ['do you have a lost and found', /Shall I write it down/],
      ["it's a black umbrella with a wooden handle", /When did you lose it/],
    ]);
    await converse([['I lost my umbrella yesterday', /What did you lose/]]);
  });

  it('by what was counted, and not by a question', async () => {
    await converse([
      ['guided tours', /Shall I put you down/],
      ['On saturday, in the afternoon. Four of us', /What name/],
      ['my name is Julia, and you? haha. Are you a real person?', /not a person/],
    ]);
    await converse([
      ['guided tours', /Shall I put you down/],
      ['Actually wait, how long does it take?', /hour/, /how many/],
      ['how long does it take?', /A tour takes an hour/],
    ]);
  });

  it.each([
    ['gibt es führungen', 'Am Samstag um drei, wir sind zu viert', /Namen/],
    ['are there guided tours', 'Saturday at three', /how many/],
    ['are there guided tours', 'ok book me in please', /how many/],
    ['ci sono visite guidate', 'sabato alle tre', /quante persone/],
  ])('by a day and a time, or by what it does: %s, %s', async (asked, answer, expected) => {
    await converse([[asked], [answer, expected]]);
  });

  it('a question counts nobody', async () => {
    await converse([
      ['eine Führung buchen', /wie viele/],
      ['Gibt es hier irgendwo einen Geldautomaten?', /wie viele/i],
      ['zu zweit', /welchem Tag/],
    ]);
  });

  it.each([
    [
      'quiero reservar una visita para tres el viernes a las 15',
      'López',
      'a@b.org',
      'mejor a las once',
      /3 personas.*11/,
    ],
    [
      'je voudrais réserver une visite pour deux vendredi à 15 h',
      'Dupont',
      'a@b.org',
      'plutôt à onze heures',
      /2 personnes.*11 h/,
    ],
    [
      'vorrei prenotare una visita guidata per tre venerdì alle 15',
      'Rossi',
      'a@b.org',
      'meglio alle undici',
      /3 persone.*alle 11/,
    ],
  ])('only the time is changed: %s', async (start, name, contact, change, expected) => {
    await converse([[start], [name], [contact], [change, expected]]);
  });

  it('a correction may stand in a question, and a question changes nothing', async () => {
    await converse([
      ['book a tour for two on saturday at 3 pm', /What name/],
      ['what time do you close on sunday?', /closes at 6 pm.*What name/],
      ['Julia Meyer', /phone/],
      ["hmm, can we make it 11 o'clock instead?", /All right: 11 am\. .*phone/],
      ['no mail, my number is 0170 1234567', /2 people, on Saturday, 28 November at 11 am, for Julia Meyer.*0 1 7/],
    ]);
  });

  it('a phone number and a time are no count', async () => {
    await converse([
      ['book a tour', /how many/],
      ['no mail, my number is 0170 1234567', /All right: 0 1 7.*how many/],
      ["hmm, can we make it 11 o'clock?", /how many/],
      ['haha ok. Are you a real person?', /not a person.*how many/],
      ['two', /which day/],
    ]);
  });

  it('or gives way to another', async () => {
    await converse([
      ['book a tour', /For how many people/],
      ["forget it, I'd rather renew a book", /library card/],
    ]);
  });

  it('asks for another day where today has nothing left', async () => {
    await using late = new EmbeddedBrain(
      { knowledgeDir: '', name: 'Vera', language: 'en', timeZone: '', recordsDir: folder },
      { now: () => new Date('2026-11-24T15:30:00Z') },
    );
    await converse(
      [
        ['book a tour', /how many/],
        ['two', /which day/],
        ['today', /^Today it is too late for that\. On which day/],
        ['tomorrow', /11 in the morning/],
        ['at 3', /What name/],
      ],
      late,
    );
    await converse([['book a tour for two today at 3 pm', /too late.*which day/]], late);
  });

  it('a place is nobody', async () => {
    await converse([
      ['book a tour for two on friday at 3 pm', /What name/],
      ['near the cafe', /café is on.*What name/],
      ['Anna Best', /phone/],
    ]);
  });

  it('a time of day is no count', async () => {
    await converse([
      ['book a tour for saturday', /how many/],
      ['at three', /All right: 3 pm\. For how many/],
      ['two', /What name/],
      ['Anna Berg', /phone/],
      ['a@b.org', /2 people, on Saturday, 28 November at 3 pm/],
    ]);
    await converse([
      ['Ich möchte für Samstag um 15 Uhr eine Führung für vier Personen buchen', /Namen/],
      ['Huber'],
      ['0151 23456789', /4 Personen.*15 Uhr/],
      ['nein, doch lieber um elf', /4 Personen.*um 11 Uhr/],
    ]);
  });
});

describe('the language of a short sentence', () => {
  it.each([
    ['prenota una visita guidata', /^Per quante persone/],
    ['reservar visita guiada', /^¿Para cuántas personas/],
    ['biglietti', /8 euro/],
    ['entradas', /entrada.* 8 euros/],
    ['Öffnungszeiten', /jeden Tag außer Montag|geöffnet/],
    ['toilet', /downstairs/],
    ['Rossi', /not know|cannot answer|not understand|did not catch/],
    ['pizza margherita', /not know|cannot answer/],
  ])('%s', async (text, expected) => {
    await converse([[text, expected]]);
  });
});
