package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

func onPgx(mode string) row {
	setting, query := sslmode(mode)
	var pool *pgxpool.Pool
	return row{
		driver:   "pgx " + version("github.com/jackc/pgx/v5"),
		protocol: "postgres",
		setting:  setting,
		open: func() (*sql.DB, error) {
			settings, err := pgxpool.ParseConfig(postgresURL(query))
			if err != nil {
				return nil, err
			}
			settings.MaxConns = 10
			pool, err = pgxpool.NewWithConfig(context.Background(), settings)
			if err != nil {
				return nil, err
			}
			return stdlib.OpenDBFromPool(pool), nil
		},
		// Pipelined: all are sent before the first is answered.
		batch: func(_ *sql.DB, table string, count int) error {
			batch := &pgx.Batch{}
			for number := range count {
				batch.Queue("insert into "+table+" (id, name) values ($1, $2)", 1000+number, fmt.Sprintf("name %d", number))
			}
			return pool.SendBatch(context.Background(), batch).Close()
		},
		code: func(err error) string {
			var told *pgconn.PgError
			errors.As(err, &told)
			return told.Code
		},
	}
}
