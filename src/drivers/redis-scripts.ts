import { createHash } from 'node:crypto';

/** A Lua script with its SHA-1, by which Redis remembers it. */
export interface RedisScript {
  readonly source: string;
  readonly sha: string;
}

function script(source: string): RedisScript {
  return { source, sha: createHash('sha1').update(source).digest('hex') };
}

/*
 * The last of KEYS is the numbers of the lane, and its channel; the last of ARGV who sends. Where someone listens, a change
 * is numbered and published in the step that makes it: \`epoch number sender name\`.
 */
function announcing(source: string): RedisScript {
  return script(`
local function tell(name)
  local lane = KEYS[#KEYS]
  local listening = redis.call('HMGET', lane, 'epoch', 'publish')
  if not listening[1] then return end
  local number = redis.call('HINCRBY', lane, 'count', 1)
  redis.call(listening[2], lane, listening[1] .. ' ' .. number .. ' ' .. ARGV[#ARGV] .. ' ' .. name)
end${source}`);
}

/** ARGV: an epoch nobody used, the command that publishes, ms to keep numbering for. Gives the epoch, and the last number. */
export const LISTEN = script(`
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'publish', ARGV[2], 'count', '0')
end
if redis.call('PTTL', KEYS[1]) < ARGV[3] / 2 then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return redis.call('HMGET', KEYS[1], 'epoch', 'count')`);

/*
 * KEYS of the scripts on one value, all in one slot: 1 the value, 2 the lease on it, 3 its last failure, 4 its lane.
 * A value starts with two little-endian doubles: when it was made, and until when it is fresh.
 */

/** ARGV: token, lease in ms, what the caller has seen. */
export const ACQUIRE = script(`
local made = redis.call('GETRANGE', KEYS[1], 0, 7)
if #made == 8 and struct.unpack('<d', made) > tonumber(ARGV[3]) then return {'stored', redis.call('GET', KEYS[1])} end
local failure = redis.call('GET', KEYS[3])
if failure and #failure > 0 then return {'failed', failure, redis.call('PTTL', KEYS[3])} end
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return {'granted'} end
return {'held', redis.call('PTTL', KEYS[2])}`);

/** ARGV: token, lease in ms. */
export const RENEW = script(`
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[2], ARGV[2])`);

/** ARGV: token, value, ms to keep it. */
export const COMMIT = announcing(`
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('DEL', KEYS[2], KEYS[3])
tell(KEYS[1])
return 1`);

/** ARGV: token, failure (empty: none), ms to keep it. Writing the failure is what wakes those who wait. */
export const ABANDON = announcing(`
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
redis.call('SET', KEYS[3], ARGV[2], 'PX', ARGV[3])
tell(KEYS[3])
return 1`);

/** ARGV: value, ms to keep it, '1' for only over older values. */
export const PUT = announcing(`
if ARGV[3] == '1' then
  local made = redis.call('GETRANGE', KEYS[1], 0, 7)
  if #made == 8 and struct.unpack('<d', made) >= struct.unpack('<d', ARGV[1]) then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('DEL', KEYS[2], KEYS[3])
tell(KEYS[1])
return 1`);

/**
 * ARGV: '' or remove only what was made before. A value that is not there is touched all the same, for a copy may be in
 * someone's memory.
 */
export const REMOVE = announcing(`
if ARGV[1] ~= '' then
  local made = redis.call('GETRANGE', KEYS[1], 0, 7)
  if #made == 8 and struct.unpack('<d', made) >= tonumber(ARGV[1]) then return 0 end
end
redis.call('DEL', KEYS[2], KEYS[3])
local removed = redis.call('UNLINK', KEYS[1])
if removed == 0 then
  redis.call('SET', KEYS[1], '', 'PX', 1)
  redis.call('DEL', KEYS[1])
end
tell(KEYS[1])
return removed`);

/** ARGV: now. */
export const EXPIRE = announcing(`
redis.call('DEL', KEYS[2], KEYS[3])
tell(KEYS[1])
local fresh = redis.call('GETRANGE', KEYS[1], 8, 15)
if #fresh < 8 then
  redis.call('SET', KEYS[1], '', 'PX', 1)
  redis.call('DEL', KEYS[1])
  return 0
end
if struct.unpack('<d', fresh) > tonumber(ARGV[1]) then
  redis.call('SETRANGE', KEYS[1], 8, struct.pack('<d', tonumber(ARGV[1])))
end
return 1`);

/* KEYS of the scripts on a tag: 1 its version, as \`hard|soft\`, 2 its lane. */

/** ARGV: a version nobody used, ms to keep it. Prolongs rarely, because that counts as a change for those who watch. */
export const VERSION = announcing(`
local version = redis.call('GET', KEYS[1])
if not version then
  version = ARGV[1] .. '|' .. ARGV[1]
  redis.call('SET', KEYS[1], version, 'PX', ARGV[2])
  tell(KEYS[1])
elseif redis.call('PTTL', KEYS[1]) < ARGV[2] / 2 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return version`);

/** ARGV: a version nobody used, ms to keep it, '1' for soft. */
export const BUMP = announcing(`
local hard = ARGV[1]
if ARGV[3] == '1' then
  local version = redis.call('GET', KEYS[1])
  if version then hard = string.match(version, '^[^|]*') end
end
local version = hard .. '|' .. ARGV[1]
redis.call('SET', KEYS[1], version, 'PX', ARGV[2])
tell(KEYS[1])
return version`);

/** KEYS: 1 the name that stands for a pattern, 2 its lane. Written in passing, to tell that what matches is removed. */
export const TELL_PATTERN = announcing(`
redis.call('SET', KEYS[1], '', 'PX', 1)
tell(KEYS[1])
return 1`);
