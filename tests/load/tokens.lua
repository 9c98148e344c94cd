-- wrk: each request with the next token of a file. The arguments are the file, and `again` or `once`: with the latter wrk
-- stops before the tokens have run out, and a request that would repeat one is an error, which ends wrk without figures.
local requests, at, once = {}, 0, false

-- Connections that may still ask for a request after wrk was stopped.
local LEFT = 256

function init(arguments)
    for token in io.lines(arguments[1]) do
        requests[#requests + 1] = wrk.format(nil, nil, { ["Authorization"] = "Bearer " .. token })
    end
    once = arguments[2] == "once"
end

function request()
    at = at + 1
    if once and at == #requests - LEFT then
        wrk.thread:stop()
    end
    if at > #requests then
        if once then
            error("the new tokens have run out")
        end
        at = 1
    end
    return requests[at]
end
