/**
 * Answers travel in band as {"ok":…} or {"error":{code,message,hint}}, so that
 * an error looks alike over every transport.
 */

export class ClientError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly hint: string,
  ) {
    super(message);
    this.name = "ClientError";
  }
}

/** Opens an envelope: the value, or a thrown ClientError. */
export function open<T>(envelope: string): T {
  let parsed: unknown;
  try {
    parsed = JSON.parse(envelope);
  } catch {
    throw malformed(envelope);
  }
  if (!isObject(parsed)) throw malformed(envelope);
  if ("ok" in parsed && !("error" in parsed)) return parsed.ok as T;
  if ("error" in parsed && !("ok" in parsed) && isObject(parsed.error)) {
    const { code, message, hint } = parsed.error;
    throw new ClientError(text(code) || "internal", text(message), text(hint));
  }
  throw malformed(envelope);
}

/** Whatever was thrown, as the one error type the pages show. */
export function asClientError(thrown: unknown): ClientError {
  if (thrown instanceof ClientError) return thrown;
  if (thrown instanceof DOMException && thrown.name === "AbortError") return cancelled();
  return new ClientError("internal", thrown instanceof Error ? thrown.message : String(thrown), "");
}

export function cancelled(): ClientError {
  return new ClientError("cancelled", "The work was cancelled.", "");
}

function malformed(envelope: string): ClientError {
  return new ClientError("internal", `The light client answered unreadably: ${envelope.slice(0, 80)}`, "");
}

function isObject(value: unknown): value is { [name: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
