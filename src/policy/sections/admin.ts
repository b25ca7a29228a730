import { z } from 'zod';
import { port } from './listen.ts';

const MIN_TOKEN_CHARS = 16;

export const adminSection = z.strictObject({
  port: port().default(9901).describe('Port of metrics, health, dashboard and control; 0 takes any free one.'),
  host: z.string().min(1).default('127.0.0.1').describe('Address of the admin listener. Any other than loopback needs a token.'),
  token: z
    .string()
    .superRefine((token, context) => {
      // Without the value: messages end up in logs.
      if (token.length >= MIN_TOKEN_CHARS) return;
      context.addIssue({ code: 'custom', message: `has ${token.length} characters; a token has at least ${MIN_TOKEN_CHARS}` });
    })
    .optional()
    .describe('Bearer token that control and status ask for; at least 16 characters. Without it only this machine is let in.'),
  allowedHosts: z
    .array(z.string().min(1))
    .default([])
    .describe('Host names, beyond localhost, under which a listener on loopback is called: that of a tunnel or proxy.'),
});
