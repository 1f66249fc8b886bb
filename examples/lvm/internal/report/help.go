package report

import (
	"fmt"
	"io"
	"strings"
)

// Help prints what lvm2 prints of an error of [Run] with a report of the kind, and returns false if that is
// not an error but an answer to who asked for it.
func Help(w io.Writer, kind Kind, err error) bool {
	switch e := err.(type) {
	case *FieldError:
		if e.NoName {
			fmt.Fprintln(w, indent+"dm_report: Missing sort field name")
		}
		helpFields(w, kind, false)
		return !e.Help
	case *SelectError:
		if e.Fields || e.Help {
			helpFields(w, kind, true)
		}
		if e.Operands || e.Help {
			helpOperators(w, kind)
		}
		return !e.Help
	}
	return true
}

func helpFields(w io.Writer, kind Kind, types bool) {
	width := 0
	for _, s := range sectionsOf(kind) {
		for i := range s.fields {
			width = max(width, len(s.fields[i].name))
		}
	}
	for _, s := range sectionsOf(kind) {
		fmt.Fprintf(w, "  %s\n  %s\n", s.title, strings.Repeat("-", len(s.title)))
		if !types && s.prefix != "" {
			fmt.Fprintf(w, "    %-*s - All fields in this section.\n", width, s.prefix+"all")
		}
		for i := range s.fields {
			f := &s.fields[i]
			fmt.Fprintf(w, "    %-*s - %s", width, f.name, f.about)
			if types {
				fmt.Fprintf(w, " [%s]", f.typ)
			}
			fmt.Fprintln(w)
		}
		if s.section == specialSection {
			for _, name := range []string{"help", "?"} {
				fmt.Fprintf(w, "    %-*s - Show help.", width, name)
				if types {
					fmt.Fprint(w, " [unselectable number]")
				}
				fmt.Fprintln(w)
			}
		}
		fmt.Fprintln(w, "   ")
	}
}

// helpOperators prints what values and operators selections have.
func helpOperators(w io.Writer, kind Kind) {
	io.WriteString(w, operandHelp)
	if kind != DevTypes {
		io.WriteString(w, reservedHelp)
	}
	io.WriteString(w, operatorHelp)
}

const operandHelp = `  Selection operands
  ------------------
    field               - Reporting field.
    number              - Non-negative integer value.
    size                - Floating point value with units, 'm' unit used by default if not specified.
    percent             - Non-negative integer with or without % suffix.
    string              - Characters quoted by ' or " or unquoted.
    string list         - Strings enclosed by [ ] or { } and elements delimited by either
                          "all items must match" or "at least one item must match" operator.
    regular expression  - Characters quoted by ' or " or unquoted.
   
`

const reservedHelp = `  Reserved values
  ---------------
    -1, unknown, undefined, undef   - Reserved value for undefined numeric value. [number]
    allocatable, yes                -  [unknown]
    allocatable, no                 -  [unknown]
    exported, yes                   -  [unknown]
    exported, no                    -  [unknown]
    missing, yes                    -  [unknown]
    missing, no                     -  [unknown]
    used, in use, yes               -  [unknown]
    used, in use, no                -  [unknown]
    duplicate, yes                  -  [unknown]
    duplicate, no                   -  [unknown]
    extendable, yes                 -  [unknown]
    extendable, no                  -  [unknown]
    exported, yes                   -  [unknown]
    exported, no                    -  [unknown]
    partial, yes                    -  [unknown]
    partial, no                     -  [unknown]
    clustered, yes                  -  [unknown]
    clustered, no                   -  [unknown]
    shared, yes                     -  [unknown]
    shared, no                      -  [unknown]
    writeable, rw, read-write       -  [unknown]
    read-only, r, ro                -  [unknown]
   
`

const operatorHelp = `  Selection operators
  -------------------
    Comparison operators:
          =~  - Matching regular expression. [regex]
          !~  - Not matching regular expression. [regex]
           =  - Equal to. [number, size, percent, string, string list, time]
          !=  - Not equal to. [number, size, percent, string, string_list, time]
          >=  - Greater than or equal to. [number, size, percent, time]
           >  - Greater than. [number, size, percent, time]
          <=  - Less than or equal to. [number, size, percent, time]
           <  - Less than. [number, size, percent, time]
       since  - Since specified time (same as '>='). [time]
       after  - After specified time (same as '>'). [time]
       until  - Until specified time (same as '<='). [time]
      before  - Before specified time (same as '<'). [time]
   
    Logical and grouping operators:
        &&  - All fields must match
         ,  - All fields must match
        ||  - At least one field must match
         #  - At least one field must match
         !  - Logical negation
         (  - Left parenthesis
         )  - Right parenthesis
         [  - List start
         ]  - List end
         {  - List subset start
         }  - List subset end
   
`
