<?php
// WordPress as docs/wordpress.md has it: what App Service hands over, and nothing of the proxy.
define('DB_HOST', getenv('DATABASE_HOST'));
define('DB_NAME', getenv('DATABASE_NAME'));
define('DB_USER', getenv('DATABASE_USERNAME'));
define('DB_PASSWORD', getenv('DATABASE_PASSWORD'));
define('DB_CHARSET', 'utf8mb4');
$table_prefix = 'wp_';

// It stays by itself here.
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('DISABLE_WP_CRON', true);
define('AUTOMATIC_UPDATER_DISABLED', true);

if (!defined('ABSPATH')) {
    define('ABSPATH', __DIR__ . '/');
}
require_once ABSPATH . 'wp-settings.php';
