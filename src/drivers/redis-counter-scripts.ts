import { createHash } from 'node:crypto';

/** A Lua script with its SHA-1, by which Redis remembers it. */
export interface CounterScript {
  readonly source: string;
  readonly sha: string;
}

function script(source: string): CounterScript {
  return { source, sha: createHash('sha1').update(source).digest('hex') };
}

/*
 * All limits of a key live in one string, one block after another, so a decision reads and writes one value:
 *
 *   sliding  count u8, sum u32, then per bucket in use: number u48, units u32, oldest first
 *   smooth   theoretical arrival time, f64, ms since the epoch
 *   quota    begin of the period, f64; units u32
 *
 * What the limits are comes packed in ARGV[1]: per key the number of limits u8, then per limit its kind u8, limit u32,
 * window f64 and a u32 that says more, by kind: 1 sliding, the number of buckets; 2 smooth, the burst; 3 quota, the number
 * of periods, whose beginnings follow as f64 each.
 *
 * Times are ms by Redis' own clock. Should that step back, units are counted in the newest bucket known.
 */

/**
 * ARGV: 1 limits, 2 units wanted, 3 units at least, 4 lease in ms, 5 ms to keep the key, 6 '1' to count what there is
 * room for instead of refusing. Answers u8 allowed, u32 granted, then per limit f64 used, reset, retry after (-1: never),
 * receipt.
 */
export const TAKE = script(`
local unpack, pack, floor = struct.unpack, struct.pack, math.floor
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local params, want, least = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local used_at = now + tonumber(ARGV[4])
local force = ARGV[6] == '1'

-- Mostly one key is asked, its limits are no quotas, and there is room: then one pass without tables is enough.
repeat
  if #KEYS > 1 or want == 0 then break end
  local state = redis.call('GET', KEYS[1])
  if not state then break end
  local limits, at = unpack('B', params, 1)
  local from, block, reply = 1, '', pack('<BI4', 1, want)
  local fits = true
  for _ = 1, limits do
    local kind, limit, window, more
    kind, limit, window, more, at = unpack('<BI4dI4', params, at)
    if kind == 1 then
      local count, sum, first = unpack('<BI4', state, from)
      from = first + 10 * count
      local bucket = floor(used_at * more / window)
      local oldest = floor(now * more / window) - more
      local last, units = 0, 0
      if count > 0 then
        last, units = unpack('<I6I4', state, from - 10)
        if last > bucket + more + 2 then fits = false break end
        while count > 0 do
          local number, expired, behind = unpack('<I6I4', state, first)
          if number >= oldest then break end
          count, sum, first = count - 1, sum - expired, behind
        end
      end
      sum = sum + want
      if sum > limit then fits = false break end
      if count > 0 and last >= bucket then
        bucket = last
        block = block .. pack('<BI4', count, sum) .. string.sub(state, first, from - 11) .. pack('<I6I4', bucket, units + want)
      else
        block = block .. pack('<BI4', count + 1, sum) .. string.sub(state, first, from - 1) .. pack('<I6I4', bucket, want)
      end
      reply = reply .. pack('<dddd', sum, (bucket + more + 1) * window / more - now, 0, bucket)
    elseif kind == 2 then
      local interval, arrival = window / limit, nil
      arrival, from = unpack('<d', state, from)
      if arrival < now then arrival = now end
      arrival = arrival + want * interval
      if arrival - now > more * interval + 0.000001 then fits = false break end
      block = block .. pack('<d', arrival)
      reply = reply .. pack('<dddd', math.ceil((arrival - now) / interval - 0.000001), arrival - now, 0, arrival)
    else
      fits = false
      break
    end
  end
  if not fits then break end
  redis.call('SET', KEYS[1], block, 'PX', ARGV[5])
  return reply
until true

local at, found, granted, refused = 1, {}, want, false

for k = 1, #KEYS do
  local state = redis.call('GET', KEYS[k]) or ''
  local limits, from = nil, 1
  limits, at = unpack('B', params, at)
  for _ = 1, limits do
    local kind, limit, window, more
    kind, limit, window, more, at = unpack('<BI4dI4', params, at)
    local one = { kind = kind, key = k, retry = 0 }
    if kind == 1 then
      local buckets = more
      local width = window / buckets
      local bucket = floor(used_at * buckets / window)
      local oldest = floor(now * buckets / window) - buckets
      local count, sum, first, last = 0, 0, from, 0
      if state ~= '' then
        count, sum, first = unpack('<BI4', state, from)
        from = first + 10 * count
        if count > 0 then
          last = unpack('<I6', state, from - 10)
          if last > bucket + buckets + 2 then count, sum, first, last = 0, 0, from, 0 end
        end
        while count > 0 do
          local number, units, behind = unpack('<I6I4', state, first)
          if number >= oldest then break end
          count, sum, first = count - 1, sum - units, behind
        end
      end
      if count == 0 then last = 0 end
      one.sum, one.room, one.count, one.state, one.first, one.behind = sum, limit - sum, count, state, first, from
      one.bucket, one.last = bucket > last and bucket or last, last
      one.ends = function(number) return (number + buckets + 1) * width - now end
      if one.room < least then
        local excess, position = least - one.room, first
        one.retry = -1
        if least <= limit then
          while position < from do
            local number, units
            number, units, position = unpack('<I6I4', state, position)
            excess = excess - units
            if excess <= 0 then one.retry = one.ends(number) break end
          end
        end
      end
    elseif kind == 2 then
      local burst, interval, start = more, window / limit, now
      if state ~= '' then
        local arrival
        arrival, from = unpack('<d', state, from)
        if arrival > now then start = arrival end
      end
      one.interval, one.start = interval, start
      one.room = floor((now - start) / interval + burst + 0.000001)
      if one.room < least then one.retry = least > burst and -1 or start + (least - burst) * interval - now end
    else
      local begins, ends = 0, 0
      for _ = 1, more do
        local edge
        edge, at = unpack('<d', params, at)
        if edge <= now then begins = edge elseif ends == 0 then ends = edge end
      end
      local units = 0
      if state ~= '' then
        local began
        began, units, from = unpack('<dI4', state, from)
        if began ~= begins then units = 0 end
      end
      one.sum, one.room, one.begins, one.left = units, limit - units, begins, ends - now
      if one.room < least then one.retry = least > limit and -1 or one.left end
    end
    if one.room < least then refused = true end
    if one.room < granted then granted = one.room end
    found[#found + 1] = one
  end
end

if refused then granted = 0 end
local writes = granted > 0 or (force and want > 0)
local reply, blocks = { pack('<BI4', refused and 0 or 1, granted) }, {}

for i = 1, #found do
  local one = found[i]
  local units = granted
  if force then units = want < one.room and want or one.room end
  if units < 0 then units = 0 end
  local block, used, reset, receipt
  if one.kind == 1 then
    used = one.sum + units
    receipt = one.bucket
    if units > 0 then
      if one.last == one.bucket then
        local before = unpack('<I4', one.state, one.behind - 4)
        block = pack('<BI4', one.count, used) .. string.sub(one.state, one.first, one.behind - 11) .. pack('<I6I4', one.bucket, before + units)
      else
        block = pack('<BI4', one.count + 1, used) .. string.sub(one.state, one.first, one.behind - 1) .. pack('<I6I4', one.bucket, units)
      end
      reset = one.ends(one.bucket)
    else
      if writes then block = pack('<BI4', one.count, used) .. string.sub(one.state, one.first, one.behind - 1) end
      reset = one.count > 0 and one.ends(one.last) or 0
    end
  elseif one.kind == 2 then
    local arrival = one.start + units * one.interval
    used = math.max(0, math.ceil((arrival - now) / one.interval - 0.000001))
    reset, receipt, block = arrival - now, arrival, pack('<d', arrival)
  else
    used, reset, receipt = one.sum + units, one.left, one.begins
    block = pack('<dI4', one.begins, used)
  end
  reply[#reply + 1] = pack('<dddd', used, reset, one.retry, receipt)
  if writes then blocks[one.key] = (blocks[one.key] or '') .. block end
end

if writes then
  for k = 1, #KEYS do redis.call('SET', KEYS[k], blocks[k], 'PX', ARGV[5]) end
end
return table.concat(reply)`);

/**
 * KEYS: 1 key. ARGV: 1 limits, 2 units, 3 receipts as f64 each, or '' to take back what would run out first. Only what
 * still counts is taken back.
 */
export const REFUND = script(`
local unpack, pack, floor = struct.unpack, struct.pack, math.floor
local state = redis.call('GET', KEYS[1])
if not state then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local params, receipts = ARGV[1], ARGV[3]
local at, from, blocks = 2, 1, {}
local limits = unpack('B', params, 1)

for i = 1, limits do
  local kind, limit, window, more
  kind, limit, window, more, at = unpack('<BI4dI4', params, at)
  local receipt = receipts ~= '' and unpack('<d', receipts, i * 8 - 7)
  local back = tonumber(ARGV[2])
  if kind == 1 then
    local count, sum
    local oldest = floor(now * more / window) - more
    count, sum, from = unpack('<BI4', state, from)
    local kept, cells = 0, {}
    for _ = 1, count do
      local number, units
      number, units, from = unpack('<I6I4', state, from)
      if number >= oldest and (not receipt or receipt == number) and back > 0 then
        local taken = back < units and back or units
        units, sum, back = units - taken, sum - taken, back - taken
      end
      if units > 0 then
        kept = kept + 1
        cells[kept] = pack('<I6I4', number, units)
      end
    end
    blocks[i] = pack('<BI4', kept, sum) .. table.concat(cells)
  elseif kind == 2 then
    local arrival
    arrival, from = unpack('<d', state, from)
    local left = (receipt and receipt < arrival and receipt or arrival) - now
    local span = back * window / limit
    if left < span then span = left end
    if span > 0 then arrival = arrival - span end
    blocks[i] = pack('<d', arrival)
  else
    local began, units
    at = at + more * 8
    began, units, from = unpack('<dI4', state, from)
    if not receipt or receipt == began then units = back < units and units - back or 0 end
    blocks[i] = pack('<dI4', began, units)
  end
end
redis.call('SET', KEYS[1], table.concat(blocks), 'KEEPTTL')
return 1`);

/** KEYS: 1 permits, a sorted set of holders by the end of their lease. ARGV: holder, limit, lease in ms. */
export const ACQUIRE_PERMIT = script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local held = redis.call('ZCARD', KEYS[1])
if held < tonumber(ARGV[2]) then
  redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
  if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
  return { 1, held + 1, 0 }
end
local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
return { 0, held, first[2] - now }`);

/** KEYS: 1 permits. ARGV: holder, lease in ms. */
export const RENEW_PERMIT = script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1`);

/** KEYS: 1 instances, a sorted set by the end of their lease. ARGV: own id, lease in ms, '0' to leave. Answers how many. */
export const HEARTBEAT = script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if ARGV[3] == '0' then redis.call('ZREM', KEYS[1], ARGV[1]) else redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1]) end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('ZCARD', KEYS[1])`);
