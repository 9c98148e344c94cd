// What every Node.js service here does: a line on standard output for each handled request, and for the address.

exports.announce = (handler, method, path) => console.log(handler, method, path);

exports.listening = (server) => console.log(`listening on 127.0.0.1:${server.address().port}`);
