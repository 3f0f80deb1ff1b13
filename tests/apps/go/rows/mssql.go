package main

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"

	mssql "github.com/microsoft/go-mssqldb"
)

func onMssql(mode string) row {
	to := at()
	query := url.Values{"database": {to.database}}
	setting := ""
	switch mode {
	case "off":
		setting = "encrypt=disable"
		query.Set("encrypt", "disable")
	case "asks":
		setting = "encrypt=true"
		query.Set("encrypt", "true")
	case "trusting":
		setting = "encrypt=true, TrustServerCertificate=true"
		query.Set("encrypt", "true")
		query.Set("TrustServerCertificate", "true")
	case "verified":
		setting = "encrypt=strict, certificate=" + to.ca
		query.Set("encrypt", "strict")
		query.Set("certificate", to.ca)
	}
	address := url.URL{Scheme: "sqlserver", Host: to.host + ":" + to.port, User: url.UserPassword(to.user, to.password), RawQuery: query.Encode()}
	return row{
		driver:   "go-mssqldb " + version("github.com/microsoft/go-mssqldb"),
		protocol: "tds",
		setting:  setting,
		open:     func() (*sql.DB, error) { return sql.Open("sqlserver", address.String()) },
		batch:    loads,
		code: func(err error) string {
			var told mssql.Error
			errors.As(err, &told)
			return fmt.Sprint(told.Number)
		},
	}
}

// loads has them in one bulk load.
func loads(db *sql.DB, table string, count int) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	load, err := tx.Prepare(mssql.CopyIn(table, mssql.BulkOptions{}, "id", "name"))
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
