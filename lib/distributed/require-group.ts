import { wrongType } from '../validation/errors.js';
import type { Group } from './group.js';

const methods = ['allGather', 'sum', 'broadcast', 'barrier'] as const;

/** Requires a group from `connect`, or another object with its methods. */
export function requireGroup(argument: string, value: unknown): Group {
  const group = value as Partial<Group> | null | undefined;
  const isGroup =
    typeof group === 'object' &&
    typeof group?.rank === 'number' &&
    typeof group.size === 'number' &&
    methods.every((method) => typeof group[method] === 'function');
  if (!isGroup) throw wrongType(argument, 'a Group from connect()', value);
  return value as Group;
}
