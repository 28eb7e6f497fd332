import { Storage } from '#lib/core/storage';

type Take = (length: number) => Storage;

/** Lets `replacement` decide how storage is taken while `act` runs. It receives the length, and what takes it as usual. */
export async function takingStorage(
  replacement: (length: number, take: Take) => Storage,
  act: () => unknown,
): Promise<void> {
  const original = Object.getOwnPropertyDescriptor(Storage, 'take') as { value: Take };
  const take: Take = (length) => original.value.call(Storage, length);
  Storage.take = (length) => replacement(length, take);
  try {
    await act();
  } finally {
    Object.defineProperty(Storage, 'take', original);
  }
}
