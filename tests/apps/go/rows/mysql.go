package main

import (
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/go-sql-driver/mysql"
)

func onMysql(mode string) row {
	chosen := map[string]string{"off": "false", "asks": "true", "trusting": "skip-verify", "verified": "custom"}[mode]
	setting := ""
	if chosen != "" {
		setting = "tls=" + chosen
	}
	if mode == "verified" {
		setting += ", RegisterTLSConfig"
	}
	return row{
		driver:   "go-sql-driver/mysql " + version("github.com/go-sql-driver/mysql"),
		protocol: "mysql",
		setting:  setting,
		open: func() (*sql.DB, error) {
			to := at()
			settings := mysql.NewConfig()
			settings.Net = "tcp"
			settings.Addr = to.host + ":" + to.port
			settings.User, settings.Passwd, settings.DBName = to.user, to.password, to.database
			settings.TLSConfig = chosen
			if mode == "verified" {
				pem, err := os.ReadFile(to.ca)
				if err != nil {
					return nil, err
				}
				authorities := x509.NewCertPool()
				authorities.AppendCertsFromPEM(pem)
				mysql.RegisterTLSConfig("custom", &tls.Config{RootCAs: authorities, ServerName: to.host})
			}
			return sql.Open("mysql", settings.FormatDSN())
		},
		batch: manyRows,
		code: func(err error) string {
			var told *mysql.MySQLError
			errors.As(err, &told)
			return fmt.Sprint(told.Number)
		},
	}
}

// manyRows has them in one statement.
func manyRows(db *sql.DB, table string, count int) error {
	values := []any{}
	for number := range count {
		values = append(values, 1000+number, fmt.Sprintf("name %d", number))
	}
	places := strings.TrimSuffix(strings.Repeat("(?, ?), ", count), ", ")
	_, err := db.Exec("insert into "+table+" (id, name) values "+places, values...)
	return err
}
