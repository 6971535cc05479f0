package report

import (
	"bytes"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// Column is the head of one column of a table.
type Column struct {
	Title string
	Right bool // align to the right: sizes and counts
}

// Table writes rows under columns, without borders and without trailing spaces.
// Every row has as many cells as there are columns. Tables without any title get
// no head line.
func Table(w io.Writer, columns []Column, rows [][]string) error {
	align := make([]tw.Align, len(columns))
	titles := make([]string, len(columns))
	titled := false
	for i, c := range columns {
		titles[i], align[i] = c.Title, tw.AlignLeft
		titled = titled || c.Title != ""
		if c.Right {
			align[i] = tw.AlignRight
		}
	}
	var text bytes.Buffer
	t := tablewriter.NewTable(&text,
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders: tw.BorderNone,
			Symbols: tw.NewSymbols(tw.StyleNone),
			Settings: tw.Settings{
				Separators: tw.Separators{BetweenColumns: tw.Off, BetweenRows: tw.Off, ShowHeader: tw.Off},
				Lines:      tw.Lines{ShowHeaderLine: tw.Off},
			},
		})),
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithHeaderAutoWrap(tw.WrapNone),
		tablewriter.WithTrimSpace(tw.Off),
		tablewriter.WithHeaderAlignmentConfig(tw.CellAlignment{PerColumn: align}),
		tablewriter.WithRowAlignmentConfig(tw.CellAlignment{PerColumn: align}),
		tablewriter.WithPadding(tw.Padding{Right: "  ", Overwrite: true}),
	)
	if titled {
		t.Header(titles)
	}
	for _, row := range rows {
		if err := t.Append(row); err != nil {
			return err
		}
	}
	if err := t.Render(); err != nil {
		return err
	}
	for line := range bytes.Lines(text.Bytes()) {
		if _, err := w.Write(append(bytes.TrimRight(line, " \n"), '\n')); err != nil {
			return err
		}
	}
	return nil
}

// foldedTable is [Table] for a terminal of width columns (0: any). A table that is wider
// becomes several, one below the other, each with the first column.
func foldedTable(w io.Writer, width int, columns []Column, rows [][]string) error {
	for first := 1; first < len(columns); {
		end := first + 1
		for used := cellWidth(columns, rows, 0) + cellWidth(columns, rows, first); end < len(columns); end++ {
			if used += cellWidth(columns, rows, end); width > 0 && used-gap > width {
				break
			}
		}
		if first > 1 {
			fmt.Fprintln(w)
		}
		var part [][]string
		for _, row := range rows {
			part = append(part, append([]string{row[0]}, row[first:end]...))
		}
		if err := Table(w, append([]Column{columns[0]}, columns[first:end]...), part); err != nil {
			return err
		}
		first = end
	}
	return nil
}

// gap is the space between two columns, in letters.
const gap = 2

// cellWidth is how many letters wide a column of a table is, with the space behind it.
func cellWidth(columns []Column, rows [][]string, i int) int {
	widest := utf8.RuneCountInString(columns[i].Title)
	for _, row := range rows {
		widest = max(widest, utf8.RuneCountInString(row[i]))
	}
	return widest + gap
}
