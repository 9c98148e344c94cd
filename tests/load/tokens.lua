-- wrk: each request with the next token of the file that the first argument names.
local requests, at = {}, 0

function init(arguments)
    for token in io.lines(arguments[1]) do
        requests[#requests + 1] = wrk.format(nil, nil, { ["Authorization"] = "Bearer " .. token })
    end
end

function request()
    at = at % #requests + 1
    return requests[at]
end
