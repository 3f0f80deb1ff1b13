<?php
// An app on mysqli with persistent connections. It prints what it saw as JSON.

mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);

function connect(): mysqli {
    $flags = getenv('DB_COMPRESSION') === false ? 0 : MYSQLI_CLIENT_COMPRESS;
    $connection = mysqli_init();
    $connection->options(MYSQLI_OPT_LOCAL_INFILE, $flags);
    $connection->real_connect(
        'p:' . getenv('DB_HOST'), getenv('DB_USER'), getenv('DB_PASSWORD'), null, (int) getenv('DB_PORT'), null, $flags
    );
    return $connection;
}

function one(mysqli $connection, string $sql): array {
    return $connection->query($sql)->fetch_row();
}

$seen = [];
$connection = connect();
[$seen['user'], $seen['database']] = one($connection, 'select current_user(), database()');
$statement = $connection->prepare('select ? + ?, ?');
$statement->bind_param('iis', $a, $b, $word);
[$a, $b, $word] = [1, 2, 'naïve'];
$statement->execute();
$seen['prepared'] = array_map(strval(...), $statement->get_result()->fetch_row());
$statement->close();
$connection->query('set @mine = 1');
$thread = $connection->thread_id;
$connection->close();

// The same connection comes back, as new: COM_CHANGE_USER.
$connection = connect();
$seen['reused'] = $connection->thread_id === $thread;
[$mine, $own] = one($connection, 'select @mine, connection_id()');
$seen['changed'] = $mine === null && (int) $own === $thread;

$connection->query('set @mine = 1');
$connection->change_user('somebody else', 'another password', $seen['database']);
$seen['changed_again'] = one($connection, 'select @mine, database()') === [null, $seen['database']];

// More than a packet or an envelope can hold, both ways, and a file.
if (getenv('DB_COMPRESSION') !== false) {
    $long = str_repeat(md5('long', true), 20 << 16);
    $statement = $connection->prepare('select length(?), md5(?) = md5(?)');
    $statement->bind_param('sss', $long, $word, $word);
    $statement->execute();
    $seen['sent'] = $statement->get_result()->fetch_row()[0];
    $statement->close();
    $seen['received'] = strlen(one($connection, 'select repeat("y", 20 << 20)')[0]);
    $connection->query('create table file (content longblob)');
    file_put_contents($name = tempnam('', 'file'), str_repeat("\x11", 12 << 20));
    $load = "load data local infile '$name' into table file fields terminated by 'no' lines terminated by 'none'";
    $connection->query($load);
    $seen['loaded'] = (int) one($connection, 'select length(content) from file')[0];
    unlink($name);
}

try {
    $connection->query('select * from nowhere');
} catch (mysqli_sql_exception $error) {
    $seen['error'] = $error->getCode();
}
echo json_encode($seen, JSON_UNESCAPED_UNICODE), "\n";
