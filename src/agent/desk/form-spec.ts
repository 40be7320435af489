/** Forms as their writers declare them, in the front matter of a Markdown file: what to ask for, how to confirm it and where it goes. */
import { z } from 'zod';

const slotBase = {
  /** Name for `{…}` in the sentences and for the record. */
  id: z.string().regex(/^[a-zA-Z]\w*$/, 'letters, digits and _ only'),
  /** The question for it. */
  ask: z.string().min(1),
  /** Said when the answer was not understood; else the question again. */
  again: z.string().min(1).optional(),
  /** What it is called when the caller wants to change it: `[date, day]`. */
  called: z.array(z.string().min(1)).default([]),
};

const slot = z.discriminatedUnion('kind', [
  z.strictObject({ ...slotBase, kind: z.literal('name') }),
  /** `open: true`: a day on which the place is open. `when: past`: up to today. */
  z.strictObject({
    ...slotBase,
    kind: z.literal('date'),
    open: z.boolean().default(false),
    when: z.enum(['future', 'past']).default('future'),
  }),
  z.strictObject({ ...slotBase, kind: z.literal('time') }),
  z.strictObject({
    ...slotBase,
    kind: z.literal('number'),
    min: z.number().int().default(1),
    max: z.number().int().default(1000),
    /** Words after the number: `[people, persons]`; with one, the number is understood anywhere. */
    unit: z.array(z.string().min(1)).default([]),
    /** How it is read back, with `{number}`; the number alone without it. */
    said: z.strictObject({ one: z.string().min(1), other: z.string().min(1) }).optional(),
  }),
  /** Letters and digits, as order and card numbers. */
  z.strictObject({
    ...slotBase,
    kind: z.literal('code'),
    minLength: z.number().int().min(1).default(3),
    maxLength: z.number().int().max(40).default(20),
  }),
  z.strictObject({ ...slotBase, kind: z.literal('email') }),
  z.strictObject({ ...slotBase, kind: z.literal('phone') }),
  /** An e-mail address or a phone number. */
  z.strictObject({ ...slotBase, kind: z.literal('contact') }),
  /** One of the options; each with the words for it. */
  z.strictObject({ ...slotBase, kind: z.literal('choice'), options: z.record(z.string(), z.array(z.string().min(1))) }),
  z.strictObject({ ...slotBase, kind: z.literal('text') }),
]);

export const formSchema = z
  .strictObject({
    id: z.string().regex(/^[a-z0-9][a-z0-9-]*$/, 'small letters, digits and - only'),
    /** What somebody says who wants this. */
    asked: z.array(z.string().min(1)).min(1),
    /** "Shall I book a tour for you?", after a topic that links to the form. */
    offer: z.string().min(1).optional(),
    slots: z.array(slot).min(1).max(12),
    /** Says everything back and asks whether it is right; `{id}` stands for what was given. */
    confirm: z.string().min(1),
    done: z.string().min(1),
    /** One JSON line per finished form in this file of the records folder … */
    record: z
      .string()
      .regex(/^[\w-]+\.jsonl$/, 'a file name such as tours.jsonl, without a folder')
      .optional(),
    /** … or one HTTP POST with JSON. */
    post: z.url({ protocol: /^https?$/ }).optional(),
  })
  .refine(
    (form) => (form.record === undefined) !== (form.post === undefined),
    'give either "record" (a file) or "post" (an address)',
  );

export type FormSpec = z.infer<typeof formSchema>;
export type Slot = FormSpec['slots'][number];

/** The first `{…}` in the form's sentences that is none of its slots. */
export function unknownPlaceholder(form: FormSpec): { key: 'confirm' | 'done'; name: string } | undefined {
  const known = new Set(form.slots.map((each) => each.id));
  for (const key of ['confirm', 'done'] as const)
    for (const [, name] of form[key].matchAll(/\{(\w+)\}/g)) if (!known.has(name!)) return { key, name: name! };
  return undefined;
}
