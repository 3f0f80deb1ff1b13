module example.org/apps

go 1.25.0

require (
	github.com/go-sql-driver/mysql v1.10.1
	github.com/microsoft/go-mssqldb v1.11.2
)

require filippo.io/edwards25519 v1.2.0 // indirect
