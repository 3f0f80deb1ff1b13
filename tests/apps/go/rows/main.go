// Apps on database/sql, one for each driver: the first word says which.
package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"
)

var drivers = map[string]func(mode string) row{
	"pq":    onPq,
	"pgx":   onPgx,
	"mysql": onMysql,
	"mssql": onMssql,
}

func main() {
	tell(drivers[os.Args[1]](os.Getenv("DB_TLS")))
}

// version is the version of a module as this program was built with it.
func version(module string) string {
	built, _ := debug.ReadBuildInfo()
	for _, dependency := range built.Deps {
		if dependency.Path == module {
			return strings.TrimPrefix(dependency.Version, "v")
		}
	}
	return "of an unknown version"
}

// environment is where the database is and who the app says it is.
type environment struct{ host, port, user, password, database, ca string }

func at() environment {
	return environment{
		os.Getenv("DB_HOST"), os.Getenv("DB_PORT"), os.Getenv("DB_USER"), os.Getenv("DB_PASSWORD"), os.Getenv("DB_NAME"), os.Getenv("DB_CA"),
	}
}

func say(format string, words ...any) {
	fmt.Println(strings.Join(strings.Fields(fmt.Sprintf(format, words...)), " "))
}
