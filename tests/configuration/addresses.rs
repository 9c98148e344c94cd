//! Addresses of the gate, its upstream and its hosts.

use super::Mistake;

pub(super) const MISTAKES: &[Mistake] = &[
    (
        "127.0.0.1:0",
        "localhost:8080",
        "1:9: `localhost:8080` is not an address to listen on\n  help: write an IP address and a port, as in 127.0.0.1:8080 (0.0.0.0:8080 for every address), `unix:PATH` or `systemd`",
    ),
    (
        "127.0.0.1:0",
        "http://127.0.0.1:8080",
        "1:9: `http://127.0.0.1:8080` is not an address to listen on",
    ),
    (
        "127.0.0.1:0",
        "'*:8080'",
        "1:9: `*:8080` is not an address to listen on",
    ),
    (
        "127.0.0.1:0",
        "':8080'",
        "1:9: `:8080` is not an address to listen on\n  help: write `0.0.0.0:8080` for every address, or `127.0.0.1:8080` for this machine alone",
    ),
    (
        "127.0.0.1:0",
        "8080",
        "1:9: `8080` is a port without an address\n  help: write `0.0.0.0:8080`",
    ),
    (
        "127.0.0.1:0",
        "'8080'",
        "1:9: `8080` is not an address to listen on\n  help: write `0.0.0.0:8080` for every address",
    ),
    (
        "admin: 127.0.0.1:0",
        "admin: 9901",
        "3:8: `9901` is a port without an address\n  help: write `127.0.0.1:9901`",
    ),
    (
        "admin: 127.0.0.1:0",
        "admin: unix:/run/actgate.sock",
        "3:8: `unix:/run/actgate.sock` is not the address of an admin listener\n  help: write an IP address and a port, as in 127.0.0.1:9901",
    ),
    (
        "leeway:",
        "proxy_protocol: true\nleeway:",
        "5:17: expected a list of networks, not true or false\n  help: write those of the load balancers, which write either version: `proxy_protocol: [10.0.0.0/8]`",
    ),
    (
        "leeway:",
        "proxy_protocol: v2\nleeway:",
        "5:17: expected a list of networks, not a text\n  help: write those of the load balancers, which write either version: `proxy_protocol: [10.0.0.0/8]`",
    ),
    (
        "leeway:",
        "trusted_proxies: 10.0.0.0/8\nleeway:",
        "5:18: expected a list of networks, not a text\n  help: write those of the proxies, as in `trusted_proxies: [10.0.0.0/8]`",
    ),
    (
        "leeway:",
        "tls: true\nleeway:",
        "5:6: expected a mapping, not true or false\n  help: write as in `tls: { certificate: tls.crt, key: tls.key }`",
    ),
    (
        "leeway:",
        "tls: { certificate: a, key: b, client_certificates: required }\nleeway:",
        "5:53: expected a mapping, not a text\n  help: write as in `client_certificates: { ca_file: clients.crt, demand: required }`",
    ),
    (
        "127.0.0.1:0",
        "0.0.0.0",
        "1:9: `0.0.0.0` is not an address to listen on",
    ),
    (
        "127.0.0.1:0",
        "/run/gate.sock",
        "1:9: `/run/gate.sock` is not an address to listen on\n  help: write `unix:/run/gate.sock` for a unix socket",
    ),
    ("127.0.0.1:0", "'unix:'", "1:9: the socket has no path"),
    (
        "leeway:",
        "proxy_protocol: []\nleeway:",
        "5:17: the list of networks is empty\n  help: remove the key if no load balancer writes PROXY headers",
    ),
    (
        "leeway:",
        "proxy_protocol: [10.0.0.0/8, '::/0']\nleeway:",
        "5:30: `::/0` contains clients: each could claim any address",
    ),
    (
        "leeway:",
        "max_head: 64KB\nleeway:",
        "5:11: `64KB` is not a size\n  help: write a size from 8KiB to 1MiB, as in 32KiB",
    ),
    (
        "leeway:",
        "max_head: 2MiB\nleeway:",
        "5:11: `2MiB` is out of range: from 8KiB to 1MiB",
    ),
    ("leeway:", "max_head: 32768\nleeway:", "5:11: "),
    (
        "leeway:",
        "trusted_proxies: []\nleeway:",
        "5:18: the list of trusted proxies is empty\n  help: remove the key to trust no proxy",
    ),
    (
        "leeway:",
        "trusted_proxies: [0.0.0.0/0]\nleeway:",
        "5:19: `0.0.0.0/0` contains clients: each could claim any address\n  help: write the networks or",
    ),
    (
        "leeway:",
        "trusted_proxies: [unix, '::/0']\nleeway:",
        "5:25: `::/0` contains clients: each could claim any address",
    ),
    (
        "leeway:",
        "trusted_proxies: [128.0.0.0/1]\nleeway:",
        "5:19: `128.0.0.0/1` contains clients: each could claim any address",
    ),
    (
        "leeway:",
        "trusted_proxies: ['::ffff:0:0/96']\nleeway:",
        "5:19: `::ffff:0:0/96` contains clients: each could claim any address",
    ),
    (
        "leeway:",
        "trusted_proxies: ['::']\nleeway:",
        "5:19: `::` is the address of no peer\n  help: write the networks or addresses of the proxies in front",
    ),
    (
        "leeway:",
        "proxy_protocol: [0.0.0.0]\nleeway:",
        "5:18: `0.0.0.0` is the address of no peer",
    ),
    (
        "leeway:",
        "trusted_proxies: [10.0.0.9/8]\nleeway:",
        "5:19: `10.0.0.9/8` is an address within a network\n  help: write `10.0.0.0/8` for the network",
    ),
    (
        "leeway:",
        "trusted_proxies: [private]\nleeway:",
        "5:19: `private` is not a network\n  help: names of networks are not known; write each, as in 10.0.0.0/8",
    ),
    (
        "leeway:",
        "trusted_proxies: ['balancer.internal']\nleeway:",
        "5:19: `balancer.internal` is not a network\n  help: write the networks or addresses of the proxies in front",
    ),
    (
        "http://127.0.0.1:9",
        "grpc://127.0.0.1:9",
        "2:11: an upstream is reached by http, https, h2c or unix\n  help: write h2c:// for http/2 in plain text, or https://",
    ),
    (
        "http://127.0.0.1:9",
        "http:/api.internal",
        "2:11: `http:/api.internal` has no `//` before its host\n  help: write `http://api.internal`",
    ),
    (
        "http://127.0.0.1:9",
        "http://api..internal",
        "2:11: no host has the name `api..internal`\n  help: write an address, or a name of letters, digits, ",
    ),
    (
        "http://127.0.0.1:9",
        "http://127.0.0.1:0",
        "2:11: no service can listen on port 0",
    ),
    (
        "http://127.0.0.1:9",
        "http://127.0.0.1:9/api",
        "2:11: the upstream has more than a host and a port; the path of a request is never changed",
    ),
    (
        "http://127.0.0.1:9",
        "http://*.internal:9000",
        "2:11: `http://*.internal:9000` is a pattern",
    ),
    (
        "http://127.0.0.1:9",
        "http://${API}:9000",
        "2:11: `http://${API}:9000` is a placeholder",
    ),
    (
        "admin: 127.0.0.1:0",
        "admin: []",
        "3:8: the list of addresses is empty\n  help: write an address, as in 127.0.0.1:9901",
    ),
    (
        "admin: 127.0.0.1:0",
        "admin: [127.0.0.1:9901, '0.0.0.0:9901']",
        "3:25: two addresses of `admin` are the same\n  help: give `admin` another port",
    ),
    (
        "admin: 127.0.0.1:0",
        "admin: ['127.0.0.1:1', '127.0.0.1:2', '127.0.0.1:3', '127.0.0.1:4', '127.0.0.1:5']",
        "3:8: `admin` has more than 4 addresses",
    ),
    (
        "admin: 127.0.0.1:0",
        "admin: [127.0.0.1:9901, 9902]",
        "3:25: `9902` is a port without an address\n  help: write `127.0.0.1:9902`",
    ),
    (
        "listen: 127.0.0.1:0",
        "listen: 0.0.0.0:9",
        "2:11: `upstream` points to this gate's own `listen` address",
    ),
    (
        "admin: 127.0.0.1:0",
        "admin: 127.0.0.1:9",
        "2:11: `upstream` points to this gate's own `admin` address",
    ),
    ("leeway:", "hosts: []\nleeway:", "5:8: the list of hosts is empty"),
    ("leeway:", "hosts: ['*']\nleeway:", "5:9: `*` is a pattern"),
    (
        "leeway:",
        "hosts: ['*.example.com']\nleeway:",
        "5:9: `*.example.com` is a pattern",
    ),
    (
        "leeway:",
        "hosts: [.example.com]\nleeway:",
        "5:9: `.example.com` is a pattern",
    ),
    (
        "leeway:",
        "hosts: [\"${HOST}\"]\nleeway:",
        "5:9: `${HOST}` is a placeholder",
    ),
    (
        "leeway:",
        "hosts: [https://a.example]\nleeway:",
        "5:9: `https://a.example` is not a host",
    ),
    (
        "routes:",
        "limit: { per: client, rate: 60/m }\nshared_limits: { redis: 'redis://h', user: gate }\nroutes:",
        "18:44: `user` has no effect without a password\n  help: write `password_file` beside it",
    ),
    (
        "routes:",
        "limit: { per: client, rate: 60/m }\nshared_limits: { redis: 'redis+unix:///r.sock?pass=a' }\nroutes:",
        "18:25: the URL of the server has no query and no fragment\n  help: write it as `redis://HOST:PORT/DATABASE`",
    ),
    (
        "routes:",
        "limit: { per: client, rate: 60/m }\nshared_limits: { redis: 'redis://u:p@h' }\nroutes:",
        "18:25: the URL of the server has no user and no password\n  help: write `user` and `password_file`",
    ),
    (
        "routes:",
        "limit: { per: client, rate: 60/m }\nshared_limits: { redis: 'redis://h:0' }\nroutes:",
        "18:25: no server has the port 0\n  help: write it as",
    ),
    (
        "routes:",
        "limit: { per: client, rate: 60/m }\nshared_limits: { redis: 'redis://h/-1' }\nroutes:",
        "18:25: the path of the URL is no number of a database\n  help: write it as",
    ),
    (
        "routes:",
        "limit: { per: client, rate: 60/m }\nshared_limits: { redis: 'redis://h', timeout: 100 }\nroutes:",
        "18:47: `100` has no unit of time\n  help: write it as `100ms`",
    ),
];
