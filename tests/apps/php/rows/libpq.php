<?php
// libpq as PHP's extensions have it: their version, and their words for TLS.

/** `PHP 8.2.36, libpq 15.13`. */
function versions(string $extension): string {
    ob_start();
    (new ReflectionExtension($extension))->info();
    preg_match('/libpq\S* Version => (\S+)/i', ob_get_clean(), $libpq);
    return 'PHP ' . PHP_VERSION . ", libpq $libpq[1]";
}

/** Words of a connection string. */
function tls(): string {
    return match (given('TLS')) {
        'default' => '',
        'off' => 'sslmode=disable',
        'asks', 'trusting' => 'sslmode=require',
        'verified' => 'sslmode=verify-full sslrootcert=' . given('CA'),
    };
}
