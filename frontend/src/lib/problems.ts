/** An error as a sentence and what to do next, in the reader's language. */
import type { ClientError } from "./client/envelope";
import type { Messages } from "./i18n";

export interface Problem {
  sentence: string;
  next: string;
  detail: string;
}

export function problem(error: ClientError, messages: Messages): Problem {
  const codes: { [code: string]: readonly [string, string] } = messages.error.code;
  const known = Object.hasOwn(codes, error.code) ? codes[error.code] : undefined;
  if (!known) {
    return {
      sentence: error.message || messages.error.title,
      next: error.hint || messages.error.unknownNext,
      detail: error.code,
    };
  }
  return { sentence: known[0], next: known[1], detail: error.message === known[0] ? "" : error.message };
}
