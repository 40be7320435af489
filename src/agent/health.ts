/** What a provider says about itself: for `visavis doctor` and `/readyz`. */
export interface Health {
  isOk: boolean;
  /** One sentence: what answered, or what is wrong. */
  detail: string;
  /** What to do about it, when something is wrong. */
  remedy?: string;
}
