import { addressSet, isAddressRange } from './address.ts';
import type { Subject } from './subject.ts';

/** A test whether a subject is on a list of addresses, subnets and keys such as `user:42` or `key:…`. */
export function subjectList(entries: readonly string[]): (subject: Subject) => boolean {
  if (entries.length === 0) return () => false;
  const hasAddress = addressSet(entries.filter(isAddressRange));
  const names = new Set(entries.filter((entry) => !isAddressRange(entry)));
  return (subject) =>
    (subject.ip !== undefined && hasAddress(subject.ip)) ||
    (subject.user !== undefined && names.has(`user:${subject.user}`)) ||
    (subject.apiKey !== undefined && names.has(`key:${subject.apiKey}`));
}
