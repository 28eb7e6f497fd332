/** A problem with the user's files, with a message for the user. */
export class DataError extends Error {
  override readonly name = 'DataError';
}
