package main

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"

	"github.com/lib/pq"
)

// sslmode is what libpq's family of drivers is told.
func sslmode(mode string) (setting, query string) {
	switch mode {
	case "off":
		return "sslmode=disable", "sslmode=disable"
	case "asks", "trusting":
		return "sslmode=require", "sslmode=require"
	case "verified":
		return "sslmode=verify-full sslrootcert=" + at().ca, url.Values{"sslmode": {"verify-full"}, "sslrootcert": {at().ca}}.Encode()
	}
	return "", ""
}

func postgresURL(query string) string {
	to := at()
	address := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(to.user, to.password),
		Host:     to.host + ":" + to.port,
		Path:     to.database,
		RawQuery: query,
	}
	return address.String()
}

func onPq(mode string) row {
	setting, query := sslmode(mode)
	return row{
		driver:   "lib/pq " + version("github.com/lib/pq"),
		protocol: "postgres",
		setting:  setting,
		open:     func() (*sql.DB, error) { return sql.Open("postgres", postgresURL(query)) },
		batch:    copies,
		code: func(err error) string {
			var told *pq.Error
			errors.As(err, &told)
			return string(told.Code)
		},
	}
}

// copies has them in one COPY.
func copies(db *sql.DB, table string, count int) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	load, err := tx.Prepare(pq.CopyIn(table, "id", "name"))
	if err != nil {
		return err
	}
	for number := range count {
		if _, err := load.Exec(1000+number, fmt.Sprintf("name %d", number)); err != nil {
			return err
		}
	}
	_, err = load.Exec()
	return errors.Join(err, load.Close(), tx.Commit())
}
