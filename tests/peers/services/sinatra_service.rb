# Sinatra on WEBrick in its classic style, which reads `_method` in forms.

require 'sinatra'
require 'webrick'
require 'rack/handler/webrick'

disable :run, :protection, :logging
$stdout.sync = true

def answer(handler)
  puts "#{handler} #{request.request_method} #{request.path_info}"
  headers 'Handler' => handler
  handler
end

def any(path, &block)
  %i[get post put patch delete options].each { |verb| send(verb, path, &block) }
end

delete('/orders/:number') { answer('strict') }
get('/orders/:number') { answer('weak') }
post('/orders/:number') { answer('weak') }
# `*` also matches an empty rest, which the route of the policy does not.
any('/admin/*') { answer(params['splat'].first.empty? ? 'weak' : 'strict') }
post('/refunds') { answer('strict') }
put('/Accounts/:number/limits') { answer('strict') }
get('/files/:name') { answer('weak') }

quiet = { Logger: WEBrick::Log.new(File::NULL), AccessLog: [] }
Rack::Handler::WEBrick.run(Sinatra::Application, Host: '127.0.0.1', Port: 0, **quiet) do |server|
  puts "listening on 127.0.0.1:#{server.listeners.first.addr[1]}"
end
