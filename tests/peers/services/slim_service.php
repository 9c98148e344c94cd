<?php
// Slim 3 on PHP's own server, with its defaults: it reads `_METHOD` in forms.
// The strict handlers announce themselves on standard output.

require 'Slim/autoload.php';

// PHP's server sets it to the path of the request.
$_SERVER['SCRIPT_NAME'] = '/index.php';

$app = new Slim\App();

function answer(string $handler): callable
{
    return function ($request, $response) use ($handler) {
        file_put_contents('php://stdout', "$handler {$request->getMethod()} {$request->getUri()->getPath()}\n");
        return $response->withHeader('Handler', $handler)->write($handler);
    };
}

$app->delete('/orders/{number}', answer('strict'));
$app->map(['GET', 'POST'], '/orders/{number}', answer('weak'));
$app->any('/admin/{rest:.+}', answer('strict'));
$app->post('/refunds', answer('strict'));
$app->put('/Accounts/{number}/limits', answer('strict'));
$app->get('/files/{name}', answer('weak'));
$app->run();
