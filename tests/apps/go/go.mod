module with_mssqldb

go 1.25.0

require github.com/microsoft/go-mssqldb v1.11.2
