/** An item's records as a story: what was done, when at the latest, and what was corrected later. */
import type { LedgerRecord } from "$lib/client";
import type { Action, Definition } from "./definition";

export interface Event {
  record: LedgerRecord;
  action: Action | undefined;
  /** When its author says that it happened; null where the record does not say. */
  occurred: number | null;
  late: boolean;
  /** The status it certainly led to; empty where that depended on the values. */
  led: string;
  /** The later record that corrects this one. */
  correctedBy: LedgerRecord | null;
}

/** @param records the newest first */
export function timeline(records: LedgerRecord[], definition: Definition): Event[] {
  const corrections = new Map(
    records
      .filter(({ action }) => action === "correct")
      .map((record) => [String(record.fields.record ?? record.prev), record]),
  );
  return records.map((record) => {
    const action = definition.actions.find(({ name }) => name === record.action);
    return {
      record,
      action,
      occurred: typeof record.fields.occurred_at === "number" ? record.fields.occurred_at : null,
      late: record.fields.late === true,
      led: action?.to.length === 1 ? action.to[0]! : "",
      correctedBy: corrections.get(record.id) ?? null,
    };
  });
}

/** Every key that signed, with the actions it signed, in the order of their first record. */
export function signersOf(records: LedgerRecord[]): Map<string, string[]> {
  const signers = new Map<string, string[]>();
  for (const record of records.toReversed()) {
    for (const { key } of record.by) {
      signers.set(key, [...new Set([...(signers.get(key) ?? []), record.action])]);
    }
  }
  return signers;
}
