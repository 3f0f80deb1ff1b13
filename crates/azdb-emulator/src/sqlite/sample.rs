//! The sample data: a small shop for good things to eat.

/// Tables and rows, in SQL that SQLite runs and whose type names the servers know.
pub(crate) const SAMPLE: &str = "
create table customers (
    id      integer primary key,
    name    varchar(40) not null,
    email   varchar(60) not null unique,
    city    varchar(30) not null,
    country char(2)     not null
);
insert into customers values
    (1, 'Amara Okafor',    'amara@example.com',   'Lagos',     'NG'),
    (2, 'Björn Lindqvist', 'bjorn@example.com',   'Uppsala',   'SE'),
    (3, 'Chiara Conti',    'chiara@example.com',  'Bologna',   'IT'),
    (4, 'Deniz Yıldız',    'deniz@example.com',   'Izmir',     'TR'),
    (5, 'Elif Demir',      'elif@example.com',    'Ankara',    'TR'),
    (6, 'François Morel',  'francois@example.com','Lyon',      'FR'),
    (7, 'Grace Whitaker',  'grace@example.com',   'Leeds',     'GB'),
    (8, 'Hiroshi Tanaka',  'hiroshi@example.com', 'Kyoto',     'JP');

create table products (
    id          integer primary key,
    name        varchar(40)   not null unique,
    category    varchar(20)   not null,
    price       numeric(10,2) not null check (price >= 0),
    stock       integer       not null default 0,
    organic     boolean       not null default false
);
insert into products values
    (1, 'Olive oil, cold pressed', 'pantry',  14.50,  120, true),
    (2, 'Sourdough loaf',          'bakery',   6.20,   35, true),
    (3, 'Aged pecorino',           'cheese',  22.00,   18, false),
    (4, 'Wildflower honey',        'pantry',   9.80,   64, true),
    (5, 'Darjeeling first flush',  'tea',     18.90,   40, true),
    (6, 'Dark chocolate 85 %',     'sweets',   4.30,  210, false),
    (7, 'Smoked paprika',          'spices',   3.75,   95, false),
    (8, 'Espresso beans',          'coffee',  16.40,   52, true);

create table orders (
    id          integer primary key,
    customer_id integer       not null references customers (id),
    product_id  integer       not null references products (id),
    quantity    integer       not null default 1 check (quantity > 0),
    total       numeric(10,2) not null,
    status      varchar(12)   not null default 'new',
    ordered_at  timestamp     not null default current_timestamp
);
create index orders_customer_id_idx on orders (customer_id);
insert into orders values
    (1, 3, 1, 2, 29.00, 'delivered', '2026-03-02 08:15:00'),
    (2, 7, 5, 1, 18.90, 'delivered', '2026-03-02 09:40:00'),
    (3, 1, 4, 3, 29.40, 'delivered', '2026-03-03 17:05:00'),
    (4, 8, 8, 2, 32.80, 'shipped',   '2026-03-04 06:30:00'),
    (5, 2, 3, 1, 22.00, 'shipped',   '2026-03-05 12:00:00'),
    (6, 6, 6, 5, 21.50, 'paid',      '2026-03-06 19:45:00'),
    (7, 4, 7, 2,  7.50, 'paid',      '2026-03-07 10:20:00'),
    (8, 5, 2, 1,  6.20, 'new',       '2026-03-08 07:55:00');
";
