<?php
// Symfony's HTTP kernel parts on PHP's own server, with `_method` of forms switched on as Laravel has it.
// The strict handlers announce themselves on standard output.

require 'Symfony/Component/HttpFoundation/autoload.php';
require 'Symfony/Component/Routing/autoload.php';

use Symfony\Component\HttpFoundation\Request;
use Symfony\Component\HttpFoundation\Response;
use Symfony\Component\Routing\Exception\ExceptionInterface;
use Symfony\Component\Routing\Matcher\UrlMatcher;
use Symfony\Component\Routing\RequestContext;
use Symfony\Component\Routing\Route;
use Symfony\Component\Routing\RouteCollection;

Request::enableHttpMethodParameterOverride();
$request = Request::createFromGlobals();

$routes = new RouteCollection();
$add = function (string $handler, array $methods, string $path, array $patterns = []) use ($routes) {
    $name = implode(' ', $methods) . $path;
    $routes->add($name, new Route($path, ['handler' => $handler], $patterns, [], '', [], $methods));
};
$add('strict', ['DELETE'], '/orders/{number}');
$add('weak', ['GET', 'POST'], '/orders/{number}');
$add('strict', [], '/admin/{rest}', ['rest' => '.+']);
$add('strict', ['POST'], '/refunds');
$add('strict', ['PUT'], '/Accounts/{number}/limits');
$add('weak', ['GET'], '/files/{name}');

try {
    $context = (new RequestContext())->fromRequest($request);
    $handler = (new UrlMatcher($routes, $context))->match($request->getPathInfo())['handler'];
    file_put_contents('php://stdout', "$handler {$request->getMethod()} {$request->getPathInfo()}\n");
    (new Response($handler, 200, ['Handler' => $handler]))->send();
} catch (ExceptionInterface $error) {
    (new Response('no route', 404))->send();
}
