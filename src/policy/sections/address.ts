import { z } from 'zod';
import { show } from '../../kernel/index.ts';

interface AddressKind {
  /** Without the colon, the usual one first. */
  readonly protocols: readonly string[];
  readonly example: string;
  /** Whether scheme, host and port are all there may be. */
  readonly originOnly?: boolean;
}

/** The address of a service. A forgotten scheme is pointed out, and so is a path where there can be none. */
export function address({ protocols, example, originOnly = false }: AddressKind) {
  const accepts = (text: string): boolean => {
    if (!URL.canParse(text)) return false;
    const { protocol, username, password, pathname, search, hash } = new URL(text);
    const isOrigin = username + password === '' && /^\/?$/.test(pathname + search + hash);
    return protocols.includes(protocol.slice(0, -1)) && (isOrigin || !originOnly);
  };
  return z.string({ error: `expected an address such as '${example}'` }).superRefine((text, context) => {
    if (accepts(text)) return;
    const mended = mend(text, protocols[0]!, originOnly);
    const params = { fix: mended !== undefined && accepts(mended) ? `write '${withoutPassword(mended)}'` : undefined };
    const noMore = originOnly ? ', with nothing but scheme, host and port' : '';
    context.addIssue({
      code: 'custom',
      message: `${show(withoutPassword(text))} is not an address such as '${example}'${noMore}`,
      params,
    });
  });
}

/** Messages end up in logs. */
function withoutPassword(text: string): string {
  return text.replace(/:[^:@/]*@/, ':***@');
}

function mend(text: string, protocol: string, originOnly: boolean): string | undefined {
  const whole = text.includes('://') ? text : `${protocol}://${text}`;
  if (!URL.canParse(whole)) return undefined;
  return originOnly ? whole.replace(/^(\w+:\/\/)(?:[^/?#]*@)?([^/?#]*).*$/, '$1$2') : whole;
}
