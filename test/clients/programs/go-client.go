// What a program with InfluxDB's Go library does; prints what it gets.
package main

import (
	"fmt"
	"os"
	"time"

	client "github.com/influxdata/influxdb1-client/v2"
)

func must(err error) {
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
}

func run(c client.Client, q client.Query) {
	response, err := c.Query(q)
	if err != nil {
		fmt.Println(q.Command, "failed:", err)
		return
	}
	if response.Error() != nil {
		fmt.Println(q.Command, "error:", response.Error())
	}
	for _, result := range response.Results {
		for _, row := range result.Series {
			fmt.Println(row.Name, row.Tags, row.Columns)
			for _, values := range row.Values {
				fmt.Println(values...)
			}
		}
	}
}

func main() {
	config := client.HTTPConfig{Addr: os.Args[1], WriteEncoding: client.GzipEncoding}
	if len(os.Args) > 3 {
		config.Username, config.Password = os.Args[2], os.Args[3]
	}
	c, err := client.NewHTTPClient(config)
	must(err)
	defer c.Close()
	_, _, err = c.Ping(5 * time.Second)
	must(err)
	run(c, client.NewQuery(`CREATE DATABASE "go"`, "", ""))

	batch, err := client.NewBatchPoints(client.BatchPointsConfig{Database: "go", Precision: "ns"})
	must(err)
	for n := 0; n < 25; n++ {
		tags := map[string]string{"host": fmt.Sprintf("h %d", n%3)}
		fields := map[string]interface{}{
			"float": float64(n) / 3,
			"int":   int64(9007199254740993) + int64(n),
			"text":  "quote \" back \\ line\nend",
			"flag":  n%2 == 0,
		}
		point, err := client.NewPoint("load", tags, fields, time.Unix(1500000000, int64(n*7+1)))
		must(err)
		batch.AddPoint(point)
	}
	must(c.Write(batch))

	bad, err := client.NewBatchPoints(client.BatchPointsConfig{Database: "go"})
	must(err)
	clash, err := client.NewPoint("load", nil, map[string]interface{}{"int": "text"}, time.Unix(1500000000, 5))
	must(err)
	bad.AddPoint(clash)
	fmt.Println("clash:", c.Write(bad))

	run(c, client.NewQuery(`SELECT * FROM load WHERE "float" < 2`, "go", "ns"))
	run(c, client.NewQuery("SELECT mean(float), count(text) FROM load GROUP BY host", "go", ""))
	run(c, client.NewQuery("SELECT mean( FROM load", "go", ""))
	run(c, client.NewQuery("SELECT * FROM nowhere..load", "go", ""))
	run(c, client.NewQueryWithParameters(`SELECT "int" FROM load WHERE host = $host AND flag = $flag`, "go", "ns",
		map[string]interface{}{"host": "h 1", "flag": true}))

	chunks, err := c.QueryAsChunk(client.Query{Command: `SELECT "int" FROM load`, Database: "go", Precision: "ns", Chunked: true, ChunkSize: 10})
	must(err)
	for {
		response, err := chunks.NextResponse()
		if err != nil {
			break
		}
		for _, result := range response.Results {
			for _, row := range result.Series {
				fmt.Println("chunk", len(row.Values), row.Partial, row.Values[0])
			}
		}
	}
	run(c, client.NewQuery(`DROP DATABASE "go"`, "", ""))
}
