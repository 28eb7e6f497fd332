/** What the user's files lack, worded for the user. */
export class DataError extends Error {
  override readonly name = 'DataError';
}
