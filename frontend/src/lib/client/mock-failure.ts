/** An error as the light client would answer it. */
export class MockFailure extends Error {
  constructor(
    readonly code: string,
    message = "",
    readonly hint = "",
  ) {
    super(message);
  }
}
