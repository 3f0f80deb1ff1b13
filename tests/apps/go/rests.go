package main

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// rests leaves a connection idle behind each kind of statement, and goes when its standard input ends.
func rests(pool *sql.DB) {
	ctx := context.Background()
	pool.SetMaxIdleConns(100)
	run := func(it *sql.Conn, query string, values ...any) error {
		rows, err := it.QueryContext(ctx, query, values...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for more := true; more; more = rows.NextResultSet() {
			for rows.Next() {
			}
		}
		return rows.Err()
	}
	load := func(it *sql.Conn, content string) error {
		mysql.RegisterReaderHandler("notes", func() io.Reader { return strings.NewReader(content) })
		_, err := it.ExecContext(ctx, "load data local infile 'Reader::notes' into table go_notes")
		return err
	}
	transaction := func(it *sql.Conn) error {
		tx, err := it.BeginTx(ctx, nil)
		check(err)
		_, err = tx.Exec("insert into go_notes values ('c')")
		check(err)
		return tx.Commit()
	}
	prepared := func(it *sql.Conn) error {
		statement, err := it.PrepareContext(ctx, "select ?, seq from seq_1_to_3")
		check(err)
		defer statement.Close()
		for range 3 {
			rows, err := statement.Query(7)
			check(err)
			for rows.Next() {
			}
			check(rows.Close())
		}
		return nil
	}
	behind := []struct {
		name  string
		fails bool
		run   func(*sql.Conn) error
	}{
		{"rows", false, func(it *sql.Conn) error { return run(it, "select 1, 'one' union all select 2, null") }},
		{"many rows", false, func(it *sql.Conn) error { return run(it, "select seq, repeat('r', 100) from seq_1_to_20000") }},
		{"values", false, func(it *sql.Conn) error { return run(it, "select ?, seq from seq_1_to_3", 7) }},
		{"no result", false, func(it *sql.Conn) error { return run(it, "insert into go_notes values (?)", "a") }},
		{"an error", true, func(it *sql.Conn) error { return run(it, "select * from nowhere") }},
		{"values that fail", true, func(it *sql.Conn) error { return run(it, "select ? from nowhere", 7) }},
		{"several statements", false, func(it *sql.Conn) error { return run(it, "select 1; set @a = 1; do 1; select 3") }},
		{"rows that are not read", false, func(it *sql.Conn) error {
			rows, err := it.QueryContext(ctx, "select seq from seq_1_to_20000")
			check(err)
			rows.Next()
			return rows.Close()
		}},
		{"a file", false, func(it *sql.Conn) error { return load(it, "one\ntwo\n") }},
		{"an empty file", false, func(it *sql.Conn) error { return load(it, "") }},
		{"a ping", false, func(it *sql.Conn) error { return it.PingContext(ctx) }},
		{"a transaction", false, transaction},
		{"a prepared statement", false, prepared},
	}
	_, err := pool.Exec("create or replace table go_notes (note text)")
	check(err)
	for _, kind := range behind {
		connection, err := pool.Conn(ctx)
		check(err)
		fmt.Println("behind", kind.name)
		if err := kind.run(connection); (err != nil) != kind.fails {
			check(fmt.Errorf("%s: %v", kind.name, err))
		}
	}
	fmt.Println(len(behind), "at rest")
	_, _ = io.Copy(io.Discard, os.Stdin)
}
