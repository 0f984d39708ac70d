-- No request has the bytes of the one before.
local sent = 0
request = function()
    sent = sent + 1
    wrk.headers["X-Request-ID"] = sent
    return wrk.format()
end
