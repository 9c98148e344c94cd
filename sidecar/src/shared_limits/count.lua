-- Counts one request by the generic cell rate algorithm, on the clock of this server, so that gates with different clocks count together.
-- KEYS[1]: the count. ARGV: the interval of a request in microseconds, the burst, and the time on this clock after which the answer
-- is of no use.
-- Returns 0 for a request within the quota, else the microseconds after which one is; -1 after that time, when nothing is counted.
-- The second number is the time.
local interval, burst, deadline = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
if now > deadline then
    return { -1, now }
end
local full = now + interval * burst
local arrival = tonumber(redis.call('GET', KEYS[1])) or now
-- A clock that was set back lengthens no wait.
arrival = math.min(math.max(arrival, now), full)
local next = arrival + interval
if next > full then
    return { next - full, now }
end
redis.call('SET', KEYS[1], string.format('%.0f', next), 'PX', math.ceil((next - now) / 1000))
return { 0, now }
