"""The files every protoc brings along: what they declare, and the options of declarations."""

from typing import Literal

Target = Literal["file", "message", "field", "oneof", "enum", "value", "service", "method", "range"]

_PLAIN = {
    "any": "Any",
    "api": "Api Method Mixin",
    "duration": "Duration",
    "empty": "Empty",
    "field_mask": "FieldMask",
    "source_context": "SourceContext",
    "struct": "Struct Value ListValue enum:NullValue",
    "timestamp": "Timestamp",
    "type": "Type Field Enum EnumValue Option enum:Syntax enum:Field.Kind enum:Field.Cardinality",
    "wrappers": "DoubleValue FloatValue Int64Value UInt64Value Int32Value UInt32Value BoolValue StringValue BytesValue",
    "descriptor": "FileDescriptorSet FileDescriptorProto DescriptorProto DescriptorProto.ExtensionRange "
    "DescriptorProto.ReservedRange ExtensionRangeOptions ExtensionRangeOptions.Declaration FieldDescriptorProto "
    "OneofDescriptorProto EnumDescriptorProto EnumDescriptorProto.EnumReservedRange EnumValueDescriptorProto "
    "ServiceDescriptorProto MethodDescriptorProto FileOptions MessageOptions FieldOptions FieldOptions.EditionDefault "
    "FieldOptions.FeatureSupport OneofOptions EnumOptions EnumValueOptions ServiceOptions MethodOptions "
    "UninterpretedOption UninterpretedOption.NamePart FeatureSet FeatureSet.VisibilityFeature FeatureSetDefaults "
    "FeatureSetDefaults.FeatureSetEditionDefault SourceCodeInfo SourceCodeInfo.Location GeneratedCodeInfo "
    "GeneratedCodeInfo.Annotation enum:Edition enum:SymbolVisibility enum:ExtensionRangeOptions.VerificationState "
    "enum:FieldDescriptorProto.Type enum:FieldDescriptorProto.Label enum:FileOptions.OptimizeMode "
    "enum:FieldOptions.CType enum:FieldOptions.JSType enum:FieldOptions.OptionRetention "
    "enum:FieldOptions.OptionTargetType enum:MethodOptions.IdempotencyLevel enum:FeatureSet.FieldPresence "
    "enum:FeatureSet.EnumType enum:FeatureSet.RepeatedFieldEncoding enum:FeatureSet.Utf8Validation "
    "enum:FeatureSet.MessageEncoding enum:FeatureSet.JsonFormat enum:FeatureSet.EnforceNamingStyle "
    "enum:FeatureSet.VisibilityFeature.DefaultSymbolVisibility enum:GeneratedCodeInfo.Annotation.Semantic",
}
FILES: dict[str, tuple[tuple[str, bool], ...]] = {
    f"google/protobuf/{file}.proto": tuple(
        (f"google.protobuf.{name.removeprefix('enum:')}", name.startswith("enum:")) for name in names.split()
    )
    for file, names in _PLAIN.items()
}
"""What each file declares: full names, and whether it is an enum."""

OPTIONS_OF: dict[Target, str] = {
    "file": "google.protobuf.FileOptions",
    "message": "google.protobuf.MessageOptions",
    "field": "google.protobuf.FieldOptions",
    "oneof": "google.protobuf.OneofOptions",
    "enum": "google.protobuf.EnumOptions",
    "value": "google.protobuf.EnumValueOptions",
    "service": "google.protobuf.ServiceOptions",
    "method": "google.protobuf.MethodOptions",
    "range": "google.protobuf.ExtensionRangeOptions",
}
EXTENSIBLE = frozenset({*OPTIONS_OF.values(), "google.protobuf.FeatureSet"})
"""Messages of these files that others may extend, with numbers from 1,000 on."""
DEFINING_OPTIONS = EXTENSIBLE - {"google.protobuf.FeatureSet"}

BOOL, TEXT = "bool", "string"
_DEPRECATED = {"deprecated": BOOL}
OPTIONS: dict[Target, dict[str, str]] = {
    "file": _DEPRECATED
    | dict.fromkeys(
        [
            "java_package",
            "java_outer_classname",
            "go_package",
            "objc_class_prefix",
            "csharp_namespace",
            "swift_prefix",
            "php_class_prefix",
            "php_namespace",
            "php_metadata_namespace",
            "ruby_package",
        ],
        TEXT,
    )
    | dict.fromkeys(
        [
            "java_multiple_files",
            "java_generate_equals_and_hash",
            "java_string_check_utf8",
            "cc_generic_services",
            "java_generic_services",
            "py_generic_services",
            "cc_enable_arenas",
        ],
        BOOL,
    )
    | {"optimize_for": "SPEED CODE_SIZE LITE_RUNTIME"},
    "message": _DEPRECATED
    | dict.fromkeys(
        ["message_set_wire_format", "no_standard_descriptor_accessor", "deprecated_legacy_json_field_conflicts"], BOOL
    ),
    "field": _DEPRECATED
    | dict.fromkeys(["packed", "lazy", "unverified_lazy", "weak", "debug_redact"], BOOL)
    | {
        "ctype": "STRING CORD STRING_PIECE",
        "jstype": "JS_NORMAL JS_STRING JS_NUMBER",
        "retention": "RETENTION_UNKNOWN RETENTION_RUNTIME RETENTION_SOURCE",
        "targets": "TARGET_TYPE_UNKNOWN TARGET_TYPE_FILE TARGET_TYPE_EXTENSION_RANGE TARGET_TYPE_MESSAGE "
        "TARGET_TYPE_FIELD TARGET_TYPE_ONEOF TARGET_TYPE_ENUM TARGET_TYPE_ENUM_ENTRY TARGET_TYPE_SERVICE "
        "TARGET_TYPE_METHOD",
        "edition_defaults": "message",
        "feature_support": "message",
    },
    "oneof": {},
    "enum": _DEPRECATED | {"allow_alias": BOOL, "deprecated_legacy_json_field_conflicts": BOOL},
    "value": _DEPRECATED | {"debug_redact": BOOL, "feature_support": "message"},
    "service": _DEPRECATED,
    "method": _DEPRECATED | {"idempotency_level": "IDEMPOTENCY_UNKNOWN NO_SIDE_EFFECTS IDEMPOTENT"},
    "range": {"declaration": "message", "verification": "DECLARATION UNVERIFIED"},
}
"""Plain options: bool, string, message, or the names of an enum's values."""
REPEATED = frozenset({"targets", "edition_defaults", "declaration"})

FEATURES: dict[str, tuple[str, tuple[Target, ...]]] = {
    "field_presence": ("EXPLICIT IMPLICIT LEGACY_REQUIRED", ("field", "file")),
    "enum_type": ("OPEN CLOSED", ("enum", "file")),
    "repeated_field_encoding": ("PACKED EXPANDED", ("field", "file")),
    "utf8_validation": ("VERIFY NONE", ("field", "file")),
    "message_encoding": ("LENGTH_PREFIXED DELIMITED", ("field", "file")),
    "json_format": ("ALLOW LEGACY_BEST_EFFORT", ("message", "enum", "file")),
}
"""What editions set by features: the values, and where."""
