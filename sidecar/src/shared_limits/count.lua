-- Counts one request by the generic cell rate algorithm, on the clock of this server, so that gates with different clocks count together.
-- KEYS[1]: the count. ARGV: the interval of a request in microseconds, and the burst.
-- Returns 0 for a request within the quota, else the microseconds after which one is.
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local full = now + interval * burst
local arrival = tonumber(redis.call('GET', KEYS[1])) or now
-- A clock that was set back lengthens no wait.
arrival = math.min(math.max(arrival, now), full)
local next = arrival + interval
if next > full then
    return next - full
end
redis.call('SET', KEYS[1], string.format('%.0f', next), 'PX', math.ceil((next - now) / 1000))
return 0
