import { hasMembers, membersOf, ownerOf, stateDictName } from './members.js';
import type { NamedTensor } from '../module/module.js';

/**
 * PyTorch's name of a tensor, for example `net.1.weight` for `net.1.scale` of a batch norm layer. The
 * tensor's module determines it.
 */
export function pyTorchName([name, tensor]: NamedTensor): string {
  const owner = ownerOf(tensor);
  if (!hasMembers(owner)) return name;
  const key = owner[membersOf]().find((member) => member.tensor?.id === tensor.id)?.key;
  return key !== undefined && name.endsWith(key)
    ? name.slice(0, -key.length) + owner[stateDictName](key)
    : name;
}
